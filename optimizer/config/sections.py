"""The task file's sections on data, reply and program, and what all sections share.

Numbers are never read out of texts, and texts never out of numbers (labels and column names apart).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic.config import JsonDict

from optimizer.errors import ConfigError
from optimizer.prompt.contract import Contract, Kind
from optimizer.tools import Toolset


def many(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def as_targets(data: Any) -> Any:
    """`target: x` stands for `targets: [x]`."""
    if not isinstance(data, dict) or data.get("target") is None:
        return data
    if data.get("targets") is not None:
        raise ValueError("give either `target` or `targets`, not both")
    if isinstance(data["target"], list):
        raise ValueError("target: is one model; a list of several is written as `targets: [...]`")
    return {key: value for key, value in data.items() if key != "target"} | {"targets": [data["target"]]}


def named(key: str, section: type[BaseModel]) -> BeforeValidator:
    """`x: text` stands for `x: {key: text}`."""
    return BeforeValidator(
        lambda value: {key: value} if isinstance(value, str) else value, json_schema_input_type=str | section
    )


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


@contextmanager
def as_problem() -> Iterator[None]:
    """Hands a ConfigError to pydantic, so that it is listed with the other problems."""
    try:
        yield
    except ConfigError as error:
        raise ValueError(str(error)) from error


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NotNegative = Annotated[Number, Field(ge=0)]
Positive = Annotated[Number, Field(gt=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Text = Annotated[str, Field(min_length=1)]
Word = Annotated[str, BeforeValidator(_word, json_schema_input_type=str | int | bool), Field(min_length=1)]


class Section(BaseModel):
    """A key with nothing behind it counts as left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


_COLUMNS: JsonDict = {"type": ["string", "object", "null"], "additionalProperties": {"type": "string"}}


class Hub(Section):
    name: Text = Field(description="Name on the dataset hub, as in org/set")
    config: Text | None = None
    split: Text = "train"
    revision: Text | None = Field(default=None, description="Commit, tag or branch; a commit keeps a run repeatable")


class Recorded(Section):
    output: Word = Field(description="Column with what the source model answered")
    latency: Word | None = Field(default=None, description="Column with seconds")
    input_tokens: Word | None = None
    output_tokens: Word | None = None
    cost: Word | None = Field(default=None, description="Column with dollars")


class Human(Section):
    score: Word = Field(description="Column with what people gave an answer")
    low: Number = Field(default=1.0, description="The worst that they could give")
    high: Number = Field(default=10.0, description="The best")
    answer: Word | None = Field(default=None, description="Column with the answer; default: data.source's output")
    path: Text | None = Field(
        default=None,
        description="File with a row for each scored answer, as `promptport review` writes it; default: data's rows",
    )
    id: Word = Field(default="id", description="Column of that file with the example's id")

    @model_validator(mode="after")
    def _scale(self) -> Human:
        if self.low >= self.high:
            raise ValueError(f"high: must be above low ({self.low:g}), found {self.high:g}")
        return self

    @property
    def levels(self) -> int:
        """How many different scores there are; ten where the scale is not one of a few whole numbers."""
        width = self.high - self.low
        return int(width) + 1 if width == int(width) and width <= 100 else 10


class Data(Section):
    path: Annotated[tuple[Text, ...], BeforeValidator(many, json_schema_input_type=str | list[str])] = Field(
        default=(), description="File or files, .jsonl, .csv, .tsv or .parquet, relative to the task file"
    )
    hub: Annotated[Hub, named("name", Hub)] | None = None
    id: Word | None = Field(default=None, description="Column with the example's id; default: the row number")
    fields: dict[str, Word] = Field(default={}, description="Template variable: column, where the names differ")
    expected: Any = Field(
        default=None,
        description="Column with the gold answer, or a mapping of answer key to column",
        json_schema_extra=_COLUMNS,
    )
    group: Word | None = Field(default=None, description="Column; rows with the same value stay in one split")
    stratify: Word | None = Field(default=None, description="Column, or path into the gold answer (expected.urgency)")
    format: Text | None = Field(default=None, description="Another tool's: an importer's name, as in otel-genai")
    encoding: Text = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="CSV only; default: the one of , ; | and tab that the header uses"
    )
    source: Annotated[Recorded, named("output", Recorded)] | None = Field(
        default=None, description="Columns with recorded outputs of the source model; then it is never called"
    )
    human: Annotated[Human, named("score", Human)] | None = Field(
        default=None, description="Column with people's scores, to see whether the judge agrees with them"
    )

    @field_validator("expected")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        words = list(value.values()) if isinstance(value, dict) else [value]
        if value is not None and not (words and all(isinstance(word, str) and word for word in words)):
            raise ValueError("must be a column, or a mapping of answer key to column")
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Data:
        if bool(self.path) == bool(self.hub):
            raise ValueError("needs either `path` (a data file) or `hub` (a dataset's name)")
        if self.human and not (self.human.answer or self.source):
            raise ValueError("human: needs `answer`, the column with the answer that people scored, or data.source")
        if self.hub and self.format:
            raise ValueError("format: belongs to files in `path`; a data set on the hub has rows already")
        try:
            "a".encode(self.encoding)
        except (LookupError, ValueError) as error:
            raise ValueError(
                f"encoding: {self.encoding!r} is no text encoding; use utf-8, utf-16, cp1252 ..."
            ) from error
        return self


class ReplySettings(Section):
    kind: Kind = "text"
    labels: tuple[Word, ...] = ()
    schema_: dict[str, Any] | None = Field(
        default=None,
        alias="schema",
        description="JSON schema",
        json_schema_extra={"type": ["object", "string", "null"]},
    )
    pattern: Text | None = Field(default=None, description="Regular expression that the whole reply matches")
    native: bool = Field(default=False, description="Send the schema along as response_format (json_schema)")

    @model_validator(mode="before")
    @classmethod
    def _infer(cls, data: Any) -> Any:
        """`labels: [...]` alone says enough: the kind follows."""
        if not isinstance(data, dict) or data.get("kind"):
            return data
        given = [
            kind for key, kind in (("labels", "labels"), ("schema", "json"), ("pattern", "regex")) if data.get(key)
        ]
        return {**data, "kind": given[0]} if given else data

    @model_validator(mode="after")
    def _agree(self) -> ReplySettings:
        belongs = {
            "labels": ("labels", self.labels),
            "schema": ("tools" if self.kind == "tools" else "json", self.schema_),
            "pattern": ("regex", self.pattern),
        }
        for key, (kind, value) in belongs.items():
            if value and self.kind != kind:
                raise ValueError(f"`{key}` belongs to a reply of kind {kind!r}, but the kind is {self.kind!r}")
        with as_problem():
            if self.kind != "tools":  # whose tools stand beside it
                self.build()
            if self.native and not self.demand:
                raise ConfigError("native: there is no schema with `properties` to send along; write one in `schema`")
        return self

    def build(self, tools: Toolset = Toolset()) -> Contract:
        if self.kind != "tools":
            return Contract(self.kind, self.labels, self.schema_, self.pattern)
        return Contract("tools", schema=self.schema_, tools=tools.parameters, needed=tools.needed)

    @property
    def demand(self) -> dict[str, Any]:
        """The parameter that holds a model to the schema, where it is sent along."""
        asked = Contract("json", schema=self.schema_ or {}).demanded("json_schema") if self.native else None
        return {"response_format": asked} if asked else {}


class ProgramSettings(Section):
    """Instead of a prompt: a DSPy program, whose predictors are prompts by their names."""

    dspy: Text = Field(description="module:attribute, or a JSON state written by program.save")
    state: Text | None = Field(default=None, description="A JSON state to load into module:attribute")
    inputs: tuple[Word, ...] = Field(default=(), description="What the program is given; default: what it asks for")
    output: Text | None = Field(default=None, description="The field that is the answer, where there are several")
    adapter: Literal["chat", "json", "xml"] = Field(default="chat", description="How DSPy words the messages")
    protect: Annotated[tuple[Text, ...], BeforeValidator(many, json_schema_input_type=str | list[str])] = Field(
        default=(), description="Texts that stand word for word in every variant"
    )
    reply: ReplySettings = ReplySettings()

    @model_validator(mode="after")
    def _spoken(self) -> ProgramSettings:
        if self.reply.native or self.reply.kind == "tools":
            raise ValueError("reply: `native` and tools belong to a prompt; DSPy makes the messages of a program")
        return self
