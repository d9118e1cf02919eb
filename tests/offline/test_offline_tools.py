"""The offline models call tools: by the same rules directly and over HTTP, each with its own habits."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from optimizer.models import bridge
from optimizer.models.money.prices import Price
from optimizer.models.providers.litellm import LiteLLMModel
from optimizer.offline import OfflineModel
from optimizer.offline.serving.server import Server, running
from optimizer.offline.skills.forms import in_form
from optimizer.types import Message, Request, Response

BOOK: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "book_room",
        "description": "Book a room, such as the library, for a meeting of a group of people.",
        "parameters": {
            "type": "object",
            "properties": {
                "room": {"type": "string", "enum": ["library", "cellar"], "description": "Which room"},
                "date": {"type": "string", "description": "Day as YYYY-MM-DD; the year is 2027"},
                "start": {"type": "string", "description": "Time at which it starts, 24-hour clock, HH:MM"},
                "length": {"type": "integer", "description": "How long it takes, in minutes"},
                "people": {"type": "integer", "description": "How many people come"},
            },
            "required": ["room", "date", "start", "length", "people"],
        },
    },
}
CANCEL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "cancel",
        "description": "Cancel what was reserved: it is called off, withdrawn, falls through.",
        "parameters": {
            "type": "object",
            "properties": {"booking": {"type": "string", "description": "Id of the booking, without the dash"}},
            "required": ["booking"],
        },
    },
}
ASKED = "Please book the library for us on 3 May at 2 pm for two hours, we are 6 people."
RULES = "You are the front desk of a house with meeting rooms. Take care of what people want with your tools."


def request(text: str = ASKED, rules: str = RULES, **params: Any) -> Request:
    return Request((Message("system", rules), Message("user", f"Message: {text}")), {"tools": [BOOK, CANCEL], **params})


def made(name: str, asked: Request) -> list[Any]:
    response = OfflineModel(f"offline/sim-{name}").respond(asked)
    if response.finish != "tool_calls":
        return []
    calls: list[Any] = json.loads(response.text)["tool_calls"]
    return calls


def test_a_reader_of_descriptions_gives_every_argument_the_form_that_is_asked_for() -> None:
    assert made("alpha", request()) == [
        {
            "name": "book_room",
            "arguments": {"room": "library", "date": "2027-05-03", "start": "14:00", "length": 120, "people": 6},
        }
    ]
    assert made("alpha", request("Please cancel our booking KN-4711, the meeting is called off.")) == [
        {"name": "cancel", "arguments": {"booking": "KN4711"}}
    ]


def test_who_overlooks_descriptions_beside_the_messages_reads_them_in_the_instructions() -> None:
    """Over many messages: of one alone, chance decides."""
    stated = (
        RULES
        + "\n\nThe tools:\n"
        + "\n".join(
            f"- {name}: {spec['description']}"
            for tool in (BOOK, CANCEL)
            for name, spec in tool["function"]["parameters"]["properties"].items()
        )
    )
    days = [
        f"Please book the library for us on {day} May at 2 pm for two hours, we are 6 people." for day in range(1, 29)
    ]

    def right(rules: str) -> int:
        calls = [call for text in days for call in made("beta", request(text, rules))]
        return sum(str(call["arguments"].get("date")).startswith("2027-05-") for call in calls)

    assert right(RULES) < 10
    assert right(stated) > 20


def test_a_chatty_model_calls_where_it_must() -> None:
    texts = [f"Please book the cellar on {day} June at noon for one hour, we are 4 people." for day in range(1, 29)]
    free = sum(not made("gamma", request(text)) for text in texts)

    assert free > 3
    assert all(made("gamma", request(text, tool_choice="required")) for text in texts)
    assert all(made("gamma", request(text, RULES + " Always call a tool.")) for text in texts)


def test_a_named_tool_is_the_one_that_is_called_and_none_forbids_all() -> None:
    forced = {"type": "function", "function": {"name": "cancel"}}

    assert [call["name"] for call in made("alpha", request(tool_choice=forced))] == ["cancel"]
    assert made("alpha", request(tool_choice="none")) == []


def test_two_matters_get_two_calls() -> None:
    both = made("alpha", request(f"{ASKED} Also, please cancel the booking KN-12, it is called off."))

    assert [call["name"] for call in both] == ["book_room", "cancel"]


@pytest.mark.parametrize(
    ("text", "about", "formed"),
    [
        ("3 May", "as YYYY-MM-DD; the year is 2027", "2027-05-03"),
        ("May 21st", "YYYY-MM-DD, 2027", "2027-05-21"),
        ("the 2nd of December 2026", "YYYY-MM-DD", "2026-12-02"),
        ("2027-05-03", "YYYY-MM-DD", "2027-05-03"),
        ("tomorrow", "YYYY-MM-DD, 2027", "tomorrow"),
        ("3 May", "the day", "3 May"),
        ("2 pm", "HH:MM", "14:00"),
        ("12:30 pm", "HH:MM", "12:30"),
        ("12 am", "HH:MM", "00:00"),
        ("9:15 a.m.", "HH:MM", "09:15"),
        ("17:00", "HH:MM", "17:00"),
        ("noon", "HH:MM", "12:00"),
        ("kn-47", "without the dash, in capitals", "KN47"),
        ("#KN-47", "without the dash", "KN47"),
    ],
)
def test_forms_are_those_that_a_careful_reader_would_write(text: str, about: str, formed: str) -> None:
    assert in_form(text, about) == formed


@pytest.fixture(scope="module")
def server() -> Any:
    with running() as found:
        yield found


def through(server: Server, asked: Request) -> Response:
    model = LiteLLMModel("openai/sim-alpha", api_base=server.url, price=Price(5.0, 20.0))
    return bridge.run(model.complete(asked))


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(tool_choice="required"),
        request(f"{ASKED} Also, please cancel the booking KN-12, it is called off."),
        request(tool_choice="none"),
    ],
)
def test_over_http_and_through_litellm_the_answer_is_the_same(server: Server, asked: Request) -> None:
    direct, hosted = OfflineModel("offline/sim-alpha").respond(asked), through(server, asked)

    assert (hosted.text, hosted.finish) == (direct.text, direct.finish)
    assert (hosted.input_tokens, hosted.output_tokens) == (direct.input_tokens, direct.output_tokens)


def test_images_reach_the_server_as_parts(server: Server) -> None:
    said: dict[str, Any] = {"type": "text", "text": "Which labels? One of: cat, dog. "}
    image: dict[str, Any] = {"type": "image_url", "image_url": {"url": "a.png"}}
    parts = (said, image)
    asked = Request((Message("user", "Which labels? One of: cat, dog. [image_url]", parts),))

    assert through(server, asked).text == OfflineModel("offline/sim-alpha").respond(asked).text


def post(server: Server, **body: Any) -> tuple[int, dict[str, Any]]:
    plain = {"model": "sim-alpha", "messages": [{"role": "user", "content": f"Message: {ASKED}"}], **body}
    with closing(HTTPConnection(urlsplit(server.url).netloc)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(plain), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def test_the_wire_is_openais(server: Server) -> None:
    status, body = post(server, tools=[BOOK])

    [choice] = body["choices"]
    assert (status, choice["finish_reason"], choice["message"]["content"]) == (200, "tool_calls", None)
    [call] = choice["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "book_room")
    assert json.loads(call["function"]["arguments"])["people"] == 6


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0]: must be {type: function, function:"),
        ({"tools": [BOOK, BOOK]}, "'book_room' is the name of tools[0] already"),
        ({"tools": [BOOK], "tool_choice": "fly"}, "tool_choice: no tool is called 'fly'"),
        ({"messages": [{"role": "user", "content": [{"text": "a"}]}]}, "`messages[0].content` must be text or parts"),
    ],
)
def test_a_broken_request_is_refused_as_providers_do(server: Server, body: dict[str, Any], told: str) -> None:
    status, answer = post(server, **body)

    assert status == 400
    assert told in answer["error"]["message"]
