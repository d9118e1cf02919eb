"""The offline model itself: reads a request, thinks it through field by field, writes the reply, and keeps count."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.errors import ConfigError, ModelError, nearest
from optimizer.offline.mind import Mind
from optimizer.offline.personas import PERSONAS, Persona
from optimizer.offline.reading.field import Field
from optimizer.offline.reading.objects import whole_json
from optimizer.offline.reading.request import Reading, read
from optimizer.offline.reading.sheet import read_sheet
from optimizer.offline.roles import judge, meta, proposer
from optimizer.offline.skills import answer, calling, extract, labels, summarise
from optimizer.offline.words import count_tokens, gauss
from optimizer.offline.writer import write
from optimizer.types import Message, Request, Response, calls_as_text

OFFLINE: dict[str, Persona] = {f"offline/{persona.name}": persona for persona in PERSONAS}


#: What these models heed; others they take and ignore, as most servers do.
HEEDED = frozenset(
    [
        *("temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed"),
        *("response_format", "json_schema", "tools", "tool_choice"),
    ]
)


def heeded(name: str) -> frozenset[str]:
    """The parameters that the model of this name heeds and does not refuse."""
    return HEEDED - OFFLINE[name].refuses


@dataclass(frozen=True)
class Finished:
    text: str
    reason: str


class OfflineModel:
    """A simulated chat model. The same request and sample number get the same answer, on every machine.

    `wait`: really take the time that the answer is said to have taken.
    """

    def __init__(self, name: str, *, wait: bool = False) -> None:
        if name not in OFFLINE:
            known = ", ".join(OFFLINE)
            raise ConfigError(f"no offline model is called {name!r}.{nearest(name, OFFLINE)} Known: {known}")
        self._name, self._persona, self._wait = name, OFFLINE[name], wait

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, request: Request) -> Response:
        response = self.respond(request)
        if self._wait:
            await asyncio.sleep(response.latency)
        return response

    def respond(self, request: Request) -> Response:
        """What `complete` answers, at once."""
        self._check(request)
        persona = self._persona
        done = _called(request, persona) or _cut(_say(request, persona), request)
        spent_in = 3 + sum(4 + count_tokens(message.content) for message in request.messages)
        spent_in += sum(map(len, request.texts[len(request.messages) :])) // 4  # of the tools' JSON, signs count less
        spent_out = count_tokens(done.text)
        return Response(
            text=done.text,
            input_tokens=spent_in,
            output_tokens=spent_out,
            cost=(spent_in * persona.price_in + spent_out * persona.price_out) / 1e6,
            latency=self._seconds(request, spent_in, spent_out),
            model=self._name,
            finish=done.reason,
        )

    def begins(self, request: Request, response: Response) -> float:
        """Seconds until the first token of that answer."""
        return self._seconds(request, response.input_tokens, 0)

    def _seconds(self, request: Request, spent_in: int, spent_out: int) -> float:
        persona = self._persona
        jitter = math.exp(0.18 * gauss(persona.name, request.key(persona.name)))
        return round((persona.first_token + spent_in * 2e-5 + spent_out * persona.per_token) * jitter, 6)

    def _check(self, request: Request) -> None:
        if not request.messages:
            raise ModelError("the request has no messages", model=self._name, status=400)
        for name in sorted(self._persona.refuses & {key for key, value in request.params.items() if value is not None}):
            raise ModelError(f"this model does not support the parameter {name!r}", model=self._name, status=400)


def _called(request: Request, persona: Persona) -> Finished | None:
    """Calls of the tools that are offered, if any; where the reader chats instead, what it says."""
    tools = calling.tools_of(request.params)
    if not tools:
        return None
    mind = _mind(request, persona, read(request.messages))
    if made := calling.calls(tools, request.params.get("tool_choice"), mind):
        return Finished(calls_as_text(made), "tool_calls")
    return _cut(calling.in_words(mind), request)


def _say(request: Request, persona: Persona) -> str:
    """The answer; where a JSON object is demanded by parameter, it is one, whatever the prompt asks for."""
    text = _spoken(request, persona)
    if _json_mode(request) and not isinstance(whole_json(text), dict):
        return json.dumps({"answer": text}, ensure_ascii=False)
    return text


def _json_mode(request: Request) -> bool:
    wants = request.params.get("response_format")
    return isinstance(wants, dict) and str(wants.get("type", "")).startswith("json")


def _spoken(request: Request, persona: Persona) -> str:
    if task := meta.recognise(request.messages):
        return proposer.propose(task, persona, f"{request.sample}/{request.params.get('seed', '')}")
    if case := judge.recognise(request.messages):
        return judge.rate(case, persona)
    if sheet := read_sheet(request.messages):
        return sheet.reply(_answer(request, sheet.plain(), persona))
    return _answer(request, request.messages, persona)


def _answer(request: Request, messages: Sequence[Message], persona: Persona) -> str:
    reading = read(messages)
    mind = _mind(request, persona, reading)
    values = {field.path: _value(field, mind) for field in reading.form.fields}
    return write(values, mind, json_only=_json_mode(request))


def _mind(request: Request, persona: Persona, reading: Reading) -> Mind:
    """How well this persona takes in this prompt."""
    words = len(reading.rules.split())
    shots = len(reading.shots)
    noise = persona.noise
    noise += persona.layouts[reading.style]
    noise += persona.places["system" if reading.in_system else "user"]
    noise += persona.impatience * math.log2(max(1.0, words / persona.patience))
    noise += persona.unshown * max(0.0, 1 - shots / persona.shots)
    noise += persona.crowding * max(0, shots - persona.shots)
    noise += persona.examples["turns" if reading.as_turns else "text"] if shots else 0.0
    noise += persona.thinking[reading.form.reasoning]
    noise += 0.4 * max(0.0, noise - 0.08)  # what does not suit adds up to more than its parts
    given = request.params.get("temperature")
    warmth = float(given) if isinstance(given, int | float) else 1.0
    spread = request.params.get("top_p")
    warmth *= float(spread) if isinstance(spread, int | float) else 1.0
    prompt = json.dumps([reading.rules, [shot.input for shot in reading.shots], reading.style, reading.in_system])
    return Mind(
        persona, reading, max(0.02, noise), persona.wobble + 0.25 * persona.heat * warmth, prompt, str(request.sample)
    )


def _value(field: Field, mind: Mind) -> Any:
    if answer.is_question(mind.reading.inputs):
        return answer.value(field, mind)
    if field.kind == "label":
        return labels.choose(field, mind)
    if field.kind == "labels":
        return labels.choose_several(field, mind)
    if field.kind == "flags":
        chosen = set(labels.choose_several(field, mind))
        return {label: label in chosen for label in field.labels}
    if field.kind == "bool":
        yes = labels.decide(field, mind)
        return ("yes" if yes else "no") if field.spoken else yes
    found = _extracted(field, mind)
    return [found] if field.kind == "list" and found else found


def _extracted(field: Field, mind: Mind) -> Any:
    if field.name in ("summary", "overview", "gist", "notes", "recap") or not field.path:
        return summarise.summarise(field, mind)
    found = extract.fill(field, mind)
    if field.kind == "number":
        digits = "".join(sign for sign in found or "" if sign.isdigit() or sign in ".-")
        return float(digits) if digits.strip(".-") else None
    return found if found is not None else extract.likely_sentence(field, mind) or None


def _cut(text: str, request: Request) -> Finished:
    """Obeys `stop` and `max_tokens`."""
    stops = request.params.get("stop")
    for stop in [stops] if isinstance(stops, str) else stops if isinstance(stops, list) else ():
        text = text.split(str(stop), 1)[0] if stop else text
    limit = request.params.get("max_tokens") or request.params.get("max_completion_tokens")
    if isinstance(limit, int) and count_tokens(text) > limit:
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if count_tokens(text[:middle]) <= limit else (low, middle - 1)
        return Finished(text[:low], "length")
    return Finished(text, "stop")
