"""The task file's section on a model: who is asked, where, how, at what price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from optimizer.config.sections import Count, NotNegative, Positive, Section, Text, many, named
from optimizer.habits import GENERIC, family_of
from optimizer.models.money.prices import Price
from optimizer.models.providers.clocks import CLOCKS, OPENAI_LIKE, Clock
from optimizer.models.providers.reserved import SET_HERE
from optimizer.redact import names_secret

#: Parameters with a place of their own in the task file, beside those that no task may set.
RESERVED = SET_HERE | {
    "tools": "they go into `prompt`",
    "tool_choice": "it goes into `prompt`, beside `tools`",
}


class PriceSettings(Section):
    """Dollars per million tokens."""

    input: NotNegative
    output: NotNegative
    cached_input: NotNegative | None = Field(
        default=None, description="Input read from the prompt cache; default: input"
    )
    reasoning: NotNegative | None = Field(default=None, description="Reasoning tokens; default: output")
    cache_write: NotNegative | None = Field(
        default=None, description="Input written to the prompt cache; default: input"
    )

    def build(self) -> Price:
        return Price(**self.model_dump())


class ProvisionedSettings(Section):
    """A model that is billed by the hour, whatever it answers: provisioned throughput, an own server.

    What a call costs depends on how many share the hour, which no run can know: its user states it.
    """

    per_hour: Positive = Field(description="Dollars for all units or servers together")
    requests_per_hour: Positive = Field(description="How many requests share them in production, on average")

    @property
    def per_call(self) -> float:
        return self.per_hour / self.requests_per_hour

    def build(self) -> Price:
        return Price(0.0, 0.0, call=self.per_call)


#: As a section of a model or of what one answered states its price.
Tokens = Annotated[PriceSettings | None, Field(description="Dollars per million tokens; default: the price table's")]
Hours = Annotated[
    ProvisionedSettings | None,
    Field(description="Instead of a price: dollars per hour, shared by the requests of an hour"),
]


def refuse_two_prices(provisioned: ProvisionedSettings | None, **others: object) -> None:
    """Raises ValueError where a price stands beside the hour's."""
    if provisioned and (other := next((name for name, given in others.items() if given), "")):
        raise ValueError(f"give either `provisioned` or `{other}`, not both: by the hour, tokens cost nothing")


def _names(value: Any) -> Any:
    return value if value is None else many(value)


class Limits(Section):
    concurrency: Annotated[Count, Field(le=4096)] = Field(default=16, description="Calls in flight")
    rpm: Count | None = Field(default=None, description="Requests per minute")
    tpm: Count | None = Field(default=None, description="Tokens per minute")


class ModelSettings(Section):
    model: Annotated[Text, Field(pattern=r"^\S+$")] = Field(description="provider/model, as in openai/gpt-4o")
    params: dict[str, Any] = Field(default={}, description="Decoding parameters: temperature, max_tokens ...")
    api_base: Text | None = Field(
        default=None, description="Address of an OpenAI-compatible server, as in http://host:8000/v1"
    )
    api_key_env: Text | None = Field(default=None, description="Name of the environment variable that holds the key")
    price: Tokens = None
    provisioned: Hours = None
    priced_as: Text | None = Field(
        default=None, description="The name in the price table, where `model` is a gateway's alias"
    )
    limits: Limits = Limits()
    timeout: Positive = Field(default=60.0, description="Seconds for one call")
    latency: Clock = Field(
        default="transport",
        description="Which clock counts: until the whole reply came, until its first token did, or the provider's own",
    )
    answers_as: Annotated[
        tuple[Text, ...] | None,
        BeforeValidator(_names, json_schema_input_type=str | list[str] | None),
    ] = Field(default=None, description="The name or names by which the model answers, where an alias hides it")
    family: Text | None = Field(default=None, description="Whose prompting habits fit: claude, gpt, gemini, llama ...")

    @property
    def real_name(self) -> str:
        """The name that tells the family: of a gateway's alias, what it is priced as, or what it answers as."""
        names = (self.model, self.priced_as, *(self.answers_as or ()))
        return next((name for name in names if name and family_of(name) != GENERIC), self.model)

    @model_validator(mode="after")
    def _one_price(self) -> ModelSettings:
        if self.price and self.priced_as:
            raise ValueError("give either `price` or `priced_as`, not both")
        refuse_two_prices(self.provisioned, price=self.price, priced_as=self.priced_as)
        return self

    @property
    def own_price(self) -> Price | None:
        """As the task file states it, of tokens or of calls."""
        stated = self.price or self.provisioned
        return stated.build() if stated else None

    @model_validator(mode="after")
    def _may_stream(self) -> ModelSettings:
        spoken = self.api_base and self.model.partition("/")[0] in OPENAI_LIKE
        if self.latency == "first_token" and not spoken:
            raise ValueError(
                "latency: first_token needs a server that speaks OpenAI's protocol (a LiteLLM proxy does, for any "
                f"model): name it as {' or '.join(f'{name}/MODEL' for name in OPENAI_LIKE)}, with its `api_base`"
            )
        return self

    @field_validator("params")
    @classmethod
    def _not_reserved(cls, params: dict[str, Any]) -> dict[str, Any]:
        for name, why in RESERVED.items():
            if name in params:
                raise ValueError(f"{name!r} may not stand here: {why}")
        return params

    @field_validator("api_base")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not (urlsplit(value).scheme in ("http", "https") and urlsplit(value).hostname):
            raise ValueError(f"must be an address that begins with http:// or https://, found {value!r}")
        if value is not None and any(names_secret(name) for name, _ in parse_qsl(urlsplit(value).query)):
            raise ValueError("holds a key behind the '?'; take it out, and name its variable with `api_key_env`")
        return value

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, value: str | None) -> str | None:
        """The value is never shown: people paste the key itself here."""
        if value is not None and not (value.isascii() and value.isidentifier()):
            raise ValueError("must be the name of an environment variable, as in OPENAI_API_KEY, never the key itself")
        return value


def hourly(plans: Iterable[tuple[str, ProvisionedSettings | None]]) -> Iterator[str]:
    """What the dollars of a call are, where it is billed by the hour."""
    for model, plan in {model: plan for model, plan in plans if plan}.items():
        yield (
            f"{model}: every call is reckoned at ${plan.per_call:.4g}, its share of ${plan.per_hour:g} an hour at "
            f"{plan.requests_per_hour:,g} requests an hour, whatever its length; at another load it is another amount, "
            "and the hours are billed whether the model is asked or not"
        )


def odd_clocks(source: ModelSettings, targets: Sequence[ModelSettings], *, recorded: bool) -> Iterator[str]:
    """What the seconds of a run are, where that is not the usual, and whose do not compare with the source's."""
    for target in targets:
        own = CLOCKS[target.latency]
        if recorded and target.latency != "transport":
            yield f"latency of {target.model} is the time {own}: the source's, as recorded, should be the same"
        elif not recorded and target.latency != source.latency:
            yield (
                f"latency of {target.model} is the time {own}, that of the source the time {CLOCKS[source.latency]}: "
                "they do not compare; give both the same `latency`"
            )
        elif target.latency == "first_token":
            yield f"latency of {target.model}, as of the source, is the time {own}"


Model = Annotated[ModelSettings, named("model", ModelSettings)]
