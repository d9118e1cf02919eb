"""What went wrong in a call, as a `ModelError`: decided by HTTP status, never by a foreign error's class alone.

LiteLLM's errors have no base of their own, and its mapping reads message texts: a refused connection comes as
"InternalServerError", an exhausted account as "RateLimitError". So the status that the server sent decides, then
the status that the error claims; texts and class names only tell apart what one status may mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from optimizer.errors import CreditExhausted, ModelError
from optimizer.models.transport import Exchange

_PASSING = frozenset({408, 409, 425, 429})
_REFUSALS = {
    "ContextWindowExceededError": "the request is longer than the model's context",
    "ContentPolicyViolationError": "declined by the provider's content filter",
    "RejectedRequestError": "declined by a guardrail",
    "GuardrailRaisedException": "declined by a guardrail",
    "BlockedPiiEntityError": "declined by a guardrail",
    "ModifyResponseException": "declined by a guardrail",
    "SensitiveDataRouteException": "declined by a guardrail",
}
_TOO_LONG = re.compile(r"context[ _](length|window)|maximum context|prompt is too long|too many (input )?tokens", re.I)
_FILTERED = re.compile(r"content[ _](filter|management|policy)|responsible ai|safety (system|filter)", re.I)
_GUARDED = re.compile(r"guardrail|blocked by|flagged by", re.I)
_NO_MONEY = re.compile(
    r"insufficient[ _]quota|exceeded.{0,20}quota|credit balance"
    r"|billing[ _](?:details|issue|(?:hard[ _]|soft[ _])?limit)",
    re.I,
)
#: Gemini says of a limit by the minute what OpenAI says of an empty account; only the rest tells them apart.
_BY_THE_MINUTE = re.compile(r"per[ _]?minute|\bretry in \d{1,2}(?:\.\d+)?s\b", re.I)
_BY_THE_DAY = re.compile(r"per[ _]?day", re.I)
#: LiteLLM's proxy says it of keys, users, teams, tags, providers and deployments, with 400, 422 or 429 by its release.
_NO_BUDGET = re.compile(
    r"budget_exceeded|Budget has been exceeded|Exceeded ?Budget|[Cc]rossed budget|Exceeded budget for"
)
_GO_ON = (
    "raise it, wait until it is renewed, or use another key; all answers so far are kept: run the same command again"
)
_KEYS = re.compile(
    r"\b(?:(?:sk|pk|rk|key|xai)-|(?:sk|gsk|hf|r8)_|AIza|AKIA|ASIA)(?=[\w\-*]*\d)[\w\-*]{12,}"
    r"|(?<=bearer )\S+|(?<=api[_-]key[=:])\s*\S+",
    re.I,
)


def translate(
    error: Exception, model: str, exchange: Exchange, *, key: str = "", secrets: Iterable[str] = ()
) -> ModelError:
    """`key` names the environment variable that holds the key, for the hint; `secrets` never appear in the text."""
    status = exchange.status or _claimed(error)
    said = clean(_text(error), secrets)

    def failure(message: str, *, retryable: bool = False, refused: bool = False) -> ModelError:
        wait = retry_after(exchange.headers) if retryable else None
        return ModelError(message, model=model, retryable=retryable, status=status, retry_after=wait, refused=refused)

    if empty := _out_of_credit(_detail(error), status):
        return CreditExhausted(f"{empty} (HTTP {status}: {said}); {_GO_ON}", model=model, status=status)
    if reason := _refusal(error, status):
        return failure(f"{reason} ({said})", refused=True)
    if _timed_out(error) and (exchange.status or 200) < 300:
        return failure("no answer in time; raise the model's `timeout` if it needs longer", retryable=True)
    if status in (401, 403):
        variable = f"the environment variable {key}" if key else "the provider's key"
        return failure(f"access denied (HTTP {status}: {said}); check {variable}")
    if status == 404:
        return failure(f"not found (HTTP 404: {said}); check the model's name and api_base")
    if status is not None and 200 <= status < 300:
        return failure(f"the answer cannot be read: {said}", retryable=True)
    if exchange.status is None and status is not None and status >= 500:
        status = None  # an invention of LiteLLM's: connection refused or dropped, name not resolved
        return failure(f"no answer: {said}", retryable=True)
    if status in _PASSING or (status is not None and status >= 500):
        return failure(f"HTTP {status}: {said}", retryable=True)
    where = f"HTTP {status}" if exchange.status else type(error).__name__
    return failure(f"{where}: {said}")


def out_of_credit(text: str, model: str, status: int) -> CreditExhausted | None:
    """The same for an answer's plain text, where nobody made an error of it."""
    if reason := _out_of_credit(text, status):
        return CreditExhausted(f"{reason} (HTTP {status}: {clean(text)}); {_GO_ON}", model=model, status=status)
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asked to wait: `retry-after-ms`, or `Retry-After` as seconds or as a date."""
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        if re.fullmatch(r"\d+(\.\d*)?", lower.get(name, "")):
            return float(lower[name]) / unit
    try:
        until = parsedate_to_datetime(lower.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until.tzinfo else None


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """A server's words made fit for a log line: no key, no control character, one line, 300 characters at most."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[key]")
    text = _KEYS.sub("[key]", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 300 else text[:297] + "..."


def _claimed(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or type(error).__name__ == "Timeout"


def _text(error: Exception) -> str:
    """Without the class names that LiteLLM puts before what was said, and the traceback that it may put behind."""
    said = str(error).partition("Traceback (most recent call last)")[0]
    return re.sub(r"^((litellm\.)?\w+(Error|Timeout|Exception): )*(\w+Exception( \w+)? - )?", "", said) or repr(error)


def _detail(error: Exception) -> str:
    return f"{error} {getattr(error, 'code', '')} {getattr(error, 'type', '')} {getattr(error, 'body', '')}"


def _out_of_credit(text: str, status: int | None) -> str | None:
    if status in (400, 403, 422, 429) and _NO_BUDGET.search(text):
        return "the gateway's budget for this key is used up"
    passes = status == 429 and _BY_THE_MINUTE.search(text) and not _BY_THE_DAY.search(text)
    if status == 402 or (status in (400, 429) and _NO_MONEY.search(text) and not passes):
        return "the account has no credit or quota left"
    return None


def _refusal(error: Exception, status: int | None) -> str | None:
    if named := _REFUSALS.get(type(error).__name__):
        return named
    if status in (400, 413, 422):
        if _TOO_LONG.search(_detail(error)):
            return _REFUSALS["ContextWindowExceededError"]
        if _FILTERED.search(_detail(error)):
            return _REFUSALS["ContentPolicyViolationError"]
        if _GUARDED.search(_detail(error)):
            return _REFUSALS["GuardrailRaisedException"]
    return None
