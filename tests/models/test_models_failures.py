"""Errors of LiteLLM as `ModelError`s: the whole list, by status, with nothing secret in the text."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from optimizer.errors import CreditExhausted, ModelError
from optimizer.models.providers.library import opened
from optimizer.models.replies.failures import clean, out_of_credit, retry_after, translate
from optimizer.models.transport import Exchange

PASSING, REFUSED, FINAL = "passing", "refused", "final"

#: What every error that LiteLLM can raise comes to, where the wire saw no status.
EXPECTED = {
    "APIConnectionError": PASSING,
    "APIError": PASSING,
    "APIResponseValidationError": PASSING,
    "AuthenticationError": FINAL,
    "BadGatewayError": PASSING,
    "BadRequestError": FINAL,
    "BlockedPiiEntityError": REFUSED,
    "BudgetExceededError": FINAL,
    "ContentPolicyViolationError": REFUSED,
    "ContextWindowExceededError": REFUSED,
    "GuardrailRaisedException": REFUSED,
    "ImageFetchError": FINAL,
    "InternalServerError": PASSING,
    "InvalidRequestError": FINAL,
    "JSONSchemaValidationError": PASSING,
    "LiteLLMUnknownProvider": FINAL,
    "MidStreamFallbackError": PASSING,
    "MockException": PASSING,
    "ModelNotMappedError": FINAL,
    "ModifyResponseException": REFUSED,
    "NotFoundError": FINAL,
    "OpenAIError": FINAL,
    "PaymentRequiredError": FINAL,
    "PermissionDeniedError": FINAL,
    "RateLimitError": PASSING,
    "RejectedRequestError": REFUSED,
    "SensitiveDataRouteException": REFUSED,
    "ServiceUnavailableError": PASSING,
    "Timeout": PASSING,
    "UnprocessableEntityError": FINAL,
    "UnsupportedParamsError": FINAL,
    "VectorStoreSearchError": FINAL,
}
ARGUMENTS: dict[str, Any] = {
    "message": "it went wrong",
    "model": "m",
    "llm_provider": "p",
    "status_code": 500,
    "current_cost": 2.0,
    "max_budget": 1.0,
    "request_data": {},
    "entity_type": "NAME",
    "route_to_model": "n",
    "session_id": "s",
    "guardrail_name": "g",
    "raw_response": "{}",
    "schema": "{}",
    "response": httpx.Response(400, request=httpx.Request("POST", "http://localhost")),
    "vector_store_id": "v",
    "provider": "p",
    "url": "u",
    "failures": [],
}


def foreign() -> dict[str, type[Exception]]:
    found = vars(opened().exceptions)
    return {
        name: kind
        for name, kind in found.items()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == "litellm.exceptions"
    }


def make(kind: type[Exception]) -> Exception:
    wanted = inspect.signature(kind.__init__).parameters.values()
    given = [p for p in wanted if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    needed = [p for p in given if p.name != "self"]
    return kind(**{p.name: ARGUMENTS[p.name] for p in needed})


def kind_of(error: ModelError) -> str:
    return REFUSED if error.refused else PASSING if error.retryable else FINAL


def test_every_error_of_litellm_is_known() -> None:
    assert {name: kind_of(translate(make(kind), "m", Exchange())) for name, kind in foreign().items()} == EXPECTED


def test_the_status_on_the_wire_outweighs_what_the_error_claims() -> None:
    rate_limit = make(foreign()["RateLimitError"])
    exchange = Exchange()
    exchange.status = 403
    error = translate(rate_limit, "m", exchange)
    assert (error.status, error.retryable) == (403, False)


def test_an_error_after_a_whole_answer_means_that_it_could_not_be_read() -> None:
    exchange = Exchange()
    exchange.status = 200
    error = translate(ValueError("Unterminated string"), "m", exchange)
    assert error.retryable
    assert str(error) == "m: the answer cannot be read: Unterminated string"


def test_an_unknown_error_without_a_status_is_final() -> None:
    error = translate(ImportError("boto3 is missing"), "m", Exchange())
    assert str(error) == "m: ImportError: boto3 is missing"
    assert not error.retryable


#: Of an empty account (OpenAI), and of a limit by the minute or by the day (Gemini).
EXCEEDED = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("status", "text", "told"),
    [
        (402, "Payment required", "no credit or quota left"),
        (400, "Your credit balance is too low", "no credit or quota left"),
        (429, "You exceeded your current quota", "no credit or quota left"),
        (403, "billing address in another country", None),
        (500, "insufficient_quota", None),
        (429, "Too many requests", None),
        (429, "Your account is not active, please check your billing details", "no credit or quota left"),
        (400, "Billing hard limit has been reached", "no credit or quota left"),
        (400, "Invalid schema for response_format: enum ['billing', 'access']", None),
        (429, "Limit: 3 / min. Try again in 20s. Visit https://x.test/account/billing to add a payment method.", None),
        (429, f"{EXCEEDED} quotaId: GenerateContentInputTokensPerModelPerMinute-FreeTier", None),
        (429, f"{EXCEEDED} * Quota exceeded for metric: x.test/requests, limit: 10. Please retry in 34.07s.", None),
        (429, f"{EXCEEDED} quotaId: GenerateRequestsPerDayPerModel. Please retry in 34s.", "no credit or quota left"),
        (400, "Budget has been exceeded", "budget for this key is used up"),
        (403, "Budget has been exceeded", "budget for this key is used up"),
        (422, "Budget has been exceeded", "budget for this key is used up"),
        (429, "Budget has been exceeded", "budget for this key is used up"),
        (500, "Budget has been exceeded", None),
    ],
)
def test_an_account_without_money_is_told_from_a_server_that_is_busy(status: int, text: str, told: str | None) -> None:
    exchange = Exchange()
    exchange.status = status

    error, said = translate(ValueError(text), "m", exchange), out_of_credit(text, "m", status)

    assert isinstance(error, CreditExhausted) is bool(told) and (said is not None) is bool(told)
    assert (told or "") in str(error) and (told or "") in str(said)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "9", "retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "Fri, 99 Foo 2026 25:61:61 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    found = retry_after({"Retry-After": until})
    assert found is not None
    assert 28 <= found <= 30


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abcDEF0123456789",
        "header Authorization: Bearer eyJhbGciOi.J9xyz-123",
        "GET /v1?api_key=abcdef012345",
        "AIzaSyA-1234567890abcdefg",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_what_looks_like_a_key_is_not_shown(text: str) -> None:
    shown = clean(text)
    assert "[key]" in shown
    assert not any(part in shown for part in ("0123456789", "abcdef012345", "J9xyz", "1234567890", "IOSFODNN"))


def test_a_servers_words_are_one_short_line_without_control_characters() -> None:
    assert clean("a\x1b[31mred\n\tb\u202ec") == "a [31mred b c"
    assert len(clean("x " * 1000)) == 300


def test_ordinary_words_stay() -> None:
    text = "The key risk-assessment skipped: hf model keyboard-interrupt"
    assert clean(text) == text
