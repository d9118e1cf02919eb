"""From the task file's model sections to models that answer: which plays which role, behind which wrappers.

Every call passes, from the outside in: meter (one purse for all roles), store (nothing is asked twice), retries,
limits, provider. The meter stands outside the store: a question is charged to a run when that run first asks it, no
matter where the answer comes from, so a run that was cut off and resumed spends what an uninterrupted one would.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from optimizer.config import ModelSettings, Settings
from optimizer.errors import ConfigError, CreditExhausted, ModelError
from optimizer.metrics import Metric, build_metric
from optimizer.models import Model, bridge
from optimizer.models.money.meter import Metered, Purse
from optimizer.models.money.tries import Counted
from optimizer.models.pacing.breaker import Guarded
from optimizer.models.pacing.notice import notice
from optimizer.models.pacing.rate import Gate, Limited
from optimizer.models.pacing.retry import Retrying
from optimizer.models.pacing.wary import Wary
from optimizer.models.preset import Preset
from optimizer.models.providers.embedding import LOCAL_PREFIX, LiteLLMEmbedder, embedder
from optimizer.models.providers.gateway import NO_LABELS, Labels
from optimizer.models.providers.litellm import LiteLLMModel
from optimizer.models.providers.supported import supported_params
from optimizer.models.scripted import NOBODY
from optimizer.models.stores.cache import Answers, Cached
from optimizer.offline import OFFLINE, OfflineModel, heeded
from optimizer.pricing import OFFLINE_PREFIX, price_of, price_of_vectors
from optimizer.prompt.contract import Contract


@dataclass(frozen=True)
class Roles:
    """`targets` and `proposers` in the order of the task file; without a named proposer each target is its own."""

    source: Model
    targets: tuple[Model, ...]
    proposers: tuple[Model, ...]
    judges: tuple[Model, ...] = ()
    embedder: Model | None = None


T = TypeVar("T")
Provider = Callable[[ModelSettings, Labels], Model]  # labels: for the gateway before the model, where there is one


def bare(section: ModelSettings, labels: Labels = NO_LABELS) -> Model:
    """The model itself."""
    return OfflineModel(section.model) if section.model.startswith(OFFLINE_PREFIX) else hosted(section, labels)


def provider(section: ModelSettings, labels: Labels = NO_LABELS, asked: Provider = bare) -> Model:
    """The model with its limits and retries. `asked` makes the bare model, on this machine or another."""
    counted = Counted(asked(section, labels))
    return Retrying(Limited(Wary(Guarded(counted, say=notice)), gate=_gate(section)))


_gates: WeakValueDictionary[str, Gate] = WeakValueDictionary()


def _gate(section: ModelSettings) -> Gate:
    """One gate for all roles that use the same model with the same key: they share its limits."""
    key = section.model_dump_json(include={"model", "api_base", "api_key_env", "limits"})
    gate = _gates.get(key)
    if gate is None:
        limits = section.limits
        gate = _gates[key] = Gate(limits.concurrency, limits.rpm, limits.tpm, say=notice)
    return gate


def hosted(section: ModelSettings, labels: Labels = NO_LABELS) -> LiteLLMModel:
    return LiteLLMModel(
        section.model,
        api_base=section.api_base,
        api_key_env=section.api_key_env,
        price=price_of(section),
        timeout=section.timeout,
        latency=section.latency,
        answers_as=section.answers_as,
        labels=labels,
    )


def labels_of(settings: Settings, role: str) -> Labels:
    """By what a gateway's logs and cost reports tell calls apart: run, role, and what the task adds."""
    wanted = settings.gateway
    return Labels(
        ("promptport", f"promptport-run:{settings.name}", f"promptport-role:{role}", *wanted.tags),
        {"promptport_run": settings.name, "promptport_role": role, **wanted.metadata},
        wanted.litellm,
    )


def connect(settings: Settings, store: Answers, purse: Purse, *, provider: Provider = provider) -> Roles:
    """Raises ConfigError for an unknown model or price, before anything is asked.

    Source and target get no parameters here: theirs are the prompt's, which the search may change. `provider` makes the
    model of a section, with limits and retries; another one makes models of another kind, or on other machines.
    """

    def role(section: ModelSettings, name: str) -> Model:
        price = price_of(section)
        model = provider(section, labels_of(settings, name))
        return Metered(Cached(model, store, price), purse, name, price)

    def speaker(section: ModelSettings, name: str) -> Model:
        return Preset(role(section, name), section.params)

    # A target that is its own proposer writes with its defaults: its parameters are for short answers.
    writer = settings.proposer
    return Roles(
        source=role(settings.source, "source"),
        targets=tuple(role(section, "target") for section in settings.targets),
        proposers=tuple(
            speaker(writer, "proposer") if writer else role(section, "proposer") for section in settings.targets
        ),
        judges=tuple(speaker(section, "judge") for section in settings.panel),
        embedder=_vectors(settings.embedder, store, purse) if settings.embedder else None,
    )


def _vectors(section: ModelSettings, store: Answers, purse: Purse) -> Model:
    """The embedding model behind the same wrappers."""
    price = price_of_vectors(section)
    model = embedder(section.model, **_access(section))
    held = Retrying(Limited(Guarded(Counted(model), say=notice), gate=_gate(section)))
    return Metered(Cached(held, store, price), purse, "embedder", price)


def _access(section: ModelSettings) -> dict[str, Any]:
    own = section.model_dump(include={"api_base", "api_key_env", "params", "timeout"})
    return {**own, "price": section.own_price}


def metric_of(settings: Settings, contract: Contract, roles: Roles) -> Metric:
    """The task's metrics as one, with the models that they ask."""
    return build_metric(settings.metrics, contract, roles.judges, roles.embedder)


def check_metrics(settings: Settings, contract: Contract) -> None:
    """Raises ConfigError or PluginError for metrics that cannot be built; asks no model."""
    panel = (NOBODY,) * len(settings.panel)
    build_metric(settings.metrics, contract, panel, NOBODY if settings.embedder else None)


def accepted(section: ModelSettings) -> frozenset[str] | None:
    """The parameters that a model takes, by OpenAI's names; None if unknown. Opens LiteLLM for hosted models.

    Of a gateway's alias those of the model that stands behind it, where `priced_as` names that."""
    if section.model in OFFLINE:
        return heeded(section.model)
    return supported_params(section.priced_as or section.model)


def hosted_roles(settings: Settings, *, recorded: bool = False) -> Iterator[tuple[str, ModelSettings]]:
    """The hosted models with their roles; offline models have neither a server nor a provider who could withdraw them.

    `recorded`: the source's outputs are in the data, so it is not asked.
    """
    named = {
        "source": () if recorded else (settings.source,),
        "target": settings.targets,
        "proposer": (settings.proposer,) if settings.proposer else (),
        "judge": settings.panel,
    }
    for role, sections in named.items():
        yield from ((role, section) for section in sections if not section.model.startswith(OFFLINE_PREFIX))


def preflight(settings: Settings, *, recorded: bool = False, ask_provider: bool = False) -> tuple[str, ...]:
    """Is every server up, every key set, every model allowed? Asks no model; returns what is worth knowing from lists
    of models, and which models a gateway lets a key call.

    Raises ConfigError with the way out, CreditExhausted for a key without money. `recorded`: as in `hosted_roles`.
    `ask_provider`: read providers' own lists too. A cluster's workers check for themselves; the embedder is asked from
    here in any case.
    """
    told: dict[str, None] = {}
    near = settings.engine.workers == "local"
    asked = hosted_roles(settings, recorded=recorded) if near else ()
    for section in {(s.api_base, s.model, s.api_key_env): s for _, s in asked}.values():
        model = hosted(section, labels_of(settings, "preflight"))
        listing = _mendable(model.check(ask_provider=ask_provider))
        if listing and listing.gateway:
            who = section.api_key_env or "without a key"
            told[f"gateway {section.api_base}: {who} may call {', '.join(listing.ends)}"] = None
        elif listing and all(notes := [listing.note(name) for name in (section.model, *(section.answers_as or ()))]):
            told[notes[-1]] = None
    if settings.embedder and not settings.embedder.model.startswith(LOCAL_PREFIX):
        _mendable(LiteLLMEmbedder(settings.embedder.model, **_access(settings.embedder)).check())
    return tuple(told)


def _mendable(check: Coroutine[Any, Any, T]) -> T:
    """Nothing was asked yet: what a model refuses now can be corrected in the task or the environment."""
    try:
        return bridge.run(check)
    except CreditExhausted:
        raise
    except ModelError as error:
        raise ConfigError(str(error)) from error
