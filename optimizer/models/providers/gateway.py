"""A LiteLLM proxy between us and the model: what it is asked beside the question, what it tells beside the answer.

Rule 1: it must not help. Its fallbacks, retries and response cache are switched off for each of our requests: a
fallback's answer is another model's, a cached one has no latency and is no second draw. Rule 2: what it does all the
same is found in its headers, and such an answer is never used. Rule 3: an alias is no fallback. Where the proxy says
that it made none, the name in the answer is the alias's; the first answer fixes which model is behind it, and another
one behind the same alias ends the run, but for those that `answers_as` lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from optimizer.errors import ModelError
from optimizer.models import transport
from optimizer.models.replies.failures import clean
from optimizer.models.replies.names import same_model
from optimizer.types import JSON

_ALIVE = "I'm alive"  # what LiteLLM's proxy, and nothing else, says at /health/liveliness
_FALLBACKS, _GROUP, _BEHIND = "x-litellm-attempted-fallbacks", "x-litellm-model-group", "x-litellm-model-name"
_CACHED = "x-litellm-cache-key"
_known: dict[str, bool] = {}


@dataclass(frozen=True)
class Labels:
    """What goes out with every request to a LiteLLM proxy, for its logs and cost reports. Never a secret."""

    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    litellm: bool | None = None  # None: found out by asking


NO_LABELS = Labels()


async def is_litellm(api_base: str, labels: Labels) -> bool:
    """Asked once for each server; one that cannot be reached just now is asked again."""
    if labels.litellm is not None:
        return labels.litellm
    if api_base not in _known:
        import aiohttp

        url = f"{api_base.removesuffix('/v1')}/health/liveliness"
        with suppress(aiohttp.ClientError, OSError, ValueError):  # TimeoutError is an OSError
            async with transport.session().get(url, timeout=aiohttp.ClientTimeout(total=5)) as response:
                _known[api_base] = response.status == 200 and _ALIVE in await response.text(errors="replace")
    return _known.get(api_base, False)


def wishes(labels: Labels) -> dict[str, JSON]:
    """The part of a request's body that is the proxy's, not the model's."""
    metadata: dict[str, JSON] = {**labels.metadata, "tags": list(labels.tags)}
    cache: dict[str, JSON] = {"no-cache": True, "no-store": True}
    return {"disable_fallbacks": True, "num_retries": 0, "cache": cache, "metadata": metadata}


class Answerer:
    """Is the model that answered the one that was asked? `expected`: `answers_as`, or the name asked for, or nobody."""

    def __init__(self, name: str, expected: Sequence[str], *, named: bool) -> None:
        self._name = name
        self._expected = tuple(expected)
        self._named = named  # whether the task says who answers
        self._behind = ""

    def check(self, answered: str, headers: Mapping[str, str]) -> None:
        """Raises ModelError for an answer that must not be used."""
        told = {name.lower(): value for name, value in headers.items()}
        if _CACHED in told:
            raise self._unusable(
                "answered from the gateway's response cache, though asked not to: such an answer has no latency and is "
                "no draw of its own; allow `no-cache` for this key, or switch the cache off for this model"
            )
        fallbacks, group = told.get(_FALLBACKS, ""), told.get(_GROUP, "")
        if fallbacks.strip() not in ("", "0"):
            raise self._unusable(
                f"the gateway fell back to {clean(group or answered)!r}, though asked not to: not the model that was "
                "asked, so not scored",
                passing=True,
            )
        if fallbacks and not self._named:
            self._same_behind(told.get(_BEHIND, ""))
        elif answered and self._expected and not self._expects(answered) and not self._expects(told.get(_BEHIND, "")):
            raise self._unusable(
                f"answered by {clean(answered)!r} instead of {' or '.join(map(repr, self._expected))} (a fallback or "
                "alias?); if it is the right model, say so with `answers_as`",
                passing=True,
            )

    def _same_behind(self, behind: str) -> None:
        if not behind:
            return
        self._behind = self._behind or behind
        if not same_model(_bare(self._behind), _bare(behind)):
            raise self._unusable(
                f"the gateway's alias stands for several models, {clean(self._behind)!r} and {clean(behind)!r};"
                " ask for one of them, or list them under `answers_as` if they are the same"
            )

    def _expects(self, answered: str) -> bool:
        names = {answered.lower(), _bare(answered.lower())}
        return bool(answered) and any(
            same_model(one, answered) or any(fnmatchcase(name, one.lower()) for name in names) for one in self._expected
        )

    def _unusable(self, reason: str, *, passing: bool = False) -> ModelError:
        return ModelError(reason, model=self._name, status=200, retryable=passing)


def _bare(name: str) -> str:
    """Without provider and region: the same model may be had from several."""
    return name.rpartition("/")[2]
