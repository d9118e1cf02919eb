"""Decoding parameters: which of them a target takes, and what goes together in one request.

What is known beforehand (LiteLLM's lists, vendors' statements in `habits/`) removes choices from the space. What is
not, shows when a request is refused: that loses a candidate, see `models.tolerant`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optimizer.errors import ConfigError
from optimizer.prompt import Prompt
from optimizer.space.search_space import SearchSpace
from optimizer.space.variant import DemoPlan, Value, Variant
from optimizer.tools import Toolset
from optimizer.types import Params

#: The names for which lists are kept of what a model takes; on others nobody but the provider can say anything.
LISTED = frozenset(
    [
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "reasoning_effort",
        "response_format",
        "json_schema",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
    ]
)
_FORMAT = "response_format"


@dataclass(frozen=True)
class Capabilities:
    """What a target takes. `accepted`: None where nobody knows; `dropped`: what its vendor says to leave out.

    "json_schema" among the accepted means that the model can be held to a schema, not merely to JSON.
    """

    model: str
    accepted: frozenset[str] | None = None
    dropped: tuple[str, ...] = ()

    def refused(self, params: Mapping[str, Any]) -> list[str]:
        """Those of `params` that the target does not take."""
        named = set(params)
        if isinstance(asked := params.get(_FORMAT), Mapping) and asked.get("type") == "json_schema":
            named.add("json_schema")
        unlisted = (named & LISTED) - self.accepted if self.accepted is not None else set()
        return sorted((named & set(self.dropped)) | unlisted)


def carried(source: Params, own: Params, target: Capabilities) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The source's parameters for the target, but for what it refuses, and the target's own; notes on what was lost."""
    both = {**source, **own}
    lost = [name for name in target.refused(both) if name not in own or name in target.dropped]
    lost = [_FORMAT if name == "json_schema" else name for name in lost]  # a schema that it cannot be held to
    notes = [f"parameter {name} left out for {target.model}, which does not take it" for name in lost]
    return {name: value for name, value in both.items() if name not in lost}, tuple(notes)


def offered(tools: Toolset, target: Capabilities) -> tuple[Toolset, tuple[str, ...]]:
    """The tools for the target, and a note where it cannot be told which to call. Raises ConfigError where it takes
    no tools at all."""
    refused = target.refused(tools.sent)
    if "tools" in refused:
        raise ConfigError(f"target {target.model!r} takes no tools, and the prompt is answered by calls of them")
    if "tool_choice" not in refused:
        return tools, ()
    return replace(tools, choice=None), (f"tool_choice left out for {target.model}, which does not take it",)


def fitted(space: SearchSpace, prompt: Prompt, target: Capabilities) -> tuple[SearchSpace, tuple[str, ...]]:
    """The space without choices that this target cannot have, or that do nothing to this prompt; and notes on them."""
    lost: dict[tuple[str, Value], str] = {}
    for dimension in space.dimensions:
        for value in dimension.choices[1:]:
            if reason := _against(space, prompt, target, dimension.name, value):
                lost[dimension.name, value] = reason
    return space.without(lost), tuple(_notes(space, lost, target.model))


def varied(space: SearchSpace, prompt: Prompt) -> bool:
    """Whether any choice of the space changes parameters."""
    changed = (_made(space, prompt, d.name, value) for d in space.dimensions for value in d.choices[1:])
    return any(made and made[1].prompt.sent != made[0].prompt.sent for made in changed)


def settled(prompt: Prompt, before: Params) -> Prompt:
    """Without a demand for JSON that the rest of the prompt contradicts; what stood in `before` is its team's own say.

    Thinking first is no JSON object, and APIs answer a demand for JSON with an error where no message speaks of it.
    """
    asked = prompt.params.get(_FORMAT)
    if asked is None or asked == before.get(_FORMAT):
        return prompt
    schema = isinstance(asked, Mapping) and asked.get("type") == "json_schema"
    speaks = schema or any("json" in turn.content.text.casefold() for turn in prompt.messages)
    if prompt.layout.reasoning != "first" and speaks:
        return prompt
    return replace(prompt, params={name: value for name, value in prompt.params.items() if name != _FORMAT})


def _against(space: SearchSpace, prompt: Prompt, target: Capabilities, name: str, value: Value) -> str | None:
    """Why this choice cannot be had; a choice that fails is not judged here."""
    built = _made(space, prompt, name, value)
    if built is None:
        return None
    unchanged, made = built
    if _heard(made) == _heard(unchanged):
        return "changes nothing in this prompt"
    before = unchanged.prompt.sent
    new = {key: wanted for key, wanted in made.prompt.sent.items() if key not in before or before[key] != wanted}
    refused = target.refused(new)
    return f"{target.model} does not take {', '.join(refused)}" if refused else None


def _heard(variant: Variant) -> Variant:
    """Without what nobody reads: how worked examples are chosen where none are shown, knobs of the plain prompt."""
    demos = variant.demos if variant.demos.count else DemoPlan()
    return replace(variant, demos=demos, knobs={} if variant.program == "plain" else variant.knobs)


def _made(space: SearchSpace, prompt: Prompt, name: str, value: Value) -> tuple[Variant, Variant] | None:
    """The unchanged variant, and the one with this choice, where it counts; None where it cannot be built."""
    plain = space.counting(name)
    try:
        return space.build(prompt, plain), space.build(prompt, {**plain, name: value})
    except ConfigError:
        return None


def _notes(space: SearchSpace, lost: Mapping[tuple[str, Value], str], model: str) -> list[str]:
    notes = []
    for dimension in space.dimensions:
        here = {value: reason for (name, value), reason in lost.items() if name == dimension.name}
        if here and len(here) == len(dimension.choices) - 1:
            reasons = " and ".join(dict.fromkeys(here.values()))
            notes.append(f"dimension {dimension.name} left out for {model}: {reasons}")
        else:
            notes += [f"{dimension.name}={value!r} left out for {model}: {reason}" for value, reason in here.items()]
    return notes
