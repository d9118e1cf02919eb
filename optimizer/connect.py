"""From the task file's model sections to models that answer: who plays which role, behind which wrappers.

Every call passes, from the outside in: meter (one purse for all roles), store (nothing is asked twice), retries,
limits, provider. The meter stands outside the store: a question is charged to a run when it is first asked in
that run, wherever the answer comes from, so a run that was cut off and started again spends as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optimizer.config import ModelSettings, Settings
from optimizer.models import Model
from optimizer.models.cache import Cached, CallStore
from optimizer.models.litellm import LiteLLMModel
from optimizer.models.meter import Metered, Purse
from optimizer.models.prices import Price, known_price
from optimizer.models.rate import Limited
from optimizer.models.retry import Retrying
from optimizer.offline import OFFLINE, OfflineModel
from optimizer.plugins import resolve

OFFLINE_PREFIX = "offline/"


@dataclass(frozen=True)
class Roles:
    """`targets` and `proposers` in the order of the task file; a target proposes for itself where nobody is named."""

    source: Model
    targets: tuple[Model, ...]
    proposers: tuple[Model, ...]
    judge: Model | None


def connect(settings: Settings, store: CallStore, purse: Purse) -> Roles:
    """Raises ConfigError for an unknown model, price or key, before anything is asked."""

    def role(section: ModelSettings, name: str) -> Model:
        price = price_of(section)
        return Metered(Cached(provider(section), store, price), purse, name, price)

    targets = tuple(role(section, "target") for section in settings.targets)
    writers = [settings.proposer or section for section in settings.targets]
    return Roles(
        source=role(settings.source, "source"),
        targets=targets,
        proposers=tuple(role(section, "proposer") for section in writers),
        judge=role(settings.judge, "judge") if settings.judge else None,
    )


def provider(section: ModelSettings) -> Model:
    """The model itself, with its limits and retries."""
    make: Callable[[ModelSettings], Model] = _offline if section.model.startswith(OFFLINE_PREFIX) else _hosted
    limits = section.limits
    return Retrying(Limited(make(section), concurrency=limits.concurrency, rpm=limits.rpm, tpm=limits.tpm))


def price_of(section: ModelSettings) -> Price:
    """Dollars per million tokens. Raises ConfigError where nobody knows: an unknown price is never zero."""
    given = section.price.build() if section.price else None
    if given is None and section.model in OFFLINE:
        return OFFLINE[section.model].price
    return known_price(section.model, given)


def _offline(section: ModelSettings) -> Model:
    model = resolve("offline models", section.model, OFFLINE)
    return OfflineModel(section.model, params=section.params) if model else model


def _hosted(section: ModelSettings) -> Model:
    return LiteLLMModel(
        section.model,
        params=section.params,
        api_base=section.api_base,
        api_key_env=section.api_key_env,
        price=price_of(section),
        timeout=section.timeout,
        latency=section.latency,
    )
