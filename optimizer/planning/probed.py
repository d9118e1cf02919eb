"""Who is asked a question before the source is paid for, beside what a run asks anyway."""

from __future__ import annotations

from optimizer.config import ModelSettings, Settings
from optimizer.models.money.prices import tokens
from optimizer.planning.sizes import Usage
from optimizer.pricing import OFFLINE_PREFIX, price_of
from optimizer.types import Message, Request

#: What a search asks its proposer is known only when the source has answered, so this is asked instead.
READY = Request((Message("user", "Reply with one word: ready"),))
_READ, _WROTE = int(tokens(READY.messages[0].content)) + 4, 10  # tokens


def is_probed(section: ModelSettings) -> bool:
    """An offline model has neither a key nor a server that could refuse it."""
    return not section.model.startswith(OFFLINE_PREFIX)


def asked_apart(settings: Settings, *, recorded: bool) -> ModelSettings | None:
    """The proposer, where its first question has to be one of its own: none is asked as source or target in the same
    way before."""
    writer = settings.proposer
    if not writer or not is_probed(writer):
        return None
    others = (*settings.targets, *(() if recorded else (settings.source,)))
    return None if any(_vouches(other, writer) for other in others) else writer


def once(section: ModelSettings) -> Usage:
    """What `READY` takes."""
    return Usage(1, price_of(section).cost(_READ, _WROTE), _READ, _WROTE)


def _vouches(other: ModelSettings, writer: ModelSettings) -> bool:
    access = {"model", "api_base", "api_key_env", "price", "provisioned", "priced_as", "latency", "answers_as"}
    same = other.model_dump(include=access) == writer.model_dump(include=access)
    return same and writer.params.items() <= other.params.items()
