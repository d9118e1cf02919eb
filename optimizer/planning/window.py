"""What a model can take in and give out, by the table that LiteLLM carries, against what the task's requests hold.

The table is read as the file it is. Tokens are counted roughly and models are changed by their providers, so what does
not seem to fit is said before the first call, and nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.config import ModelSettings
from optimizer.models.money.prices import rows_of, tokens
from optimizer.pricing import OFFLINE_PREFIX
from optimizer.prompt import Prompt
from optimizer.task import Task
from optimizer.types import Request, as_text

_TABLE = "the model table that LiteLLM carries"
_READS = {
    "image_url": ("images", "supports_vision"),
    "file": ("documents", "supports_pdf_input"),
    "input_audio": ("sound", "supports_audio_input"),
}


def unfit(task: Task, role: str, section: ModelSettings, prompt: Prompt) -> Iterator[str]:
    """A sentence on each thing that seems too much for a model; none on models that the table does not know.

    `prompt`: the source's, with the parameters that this model is sent.
    """
    known = None if section.model.startswith(OFFLINE_PREFIX) else _facts(section)
    if known is None:
        return
    who, sample = f"{role} {section.model!r}", prompt.render(task.examples[0].inputs)
    if window := _count(known, "max_input_tokens"):
        yield from _longer(task, sample, who, window)
    longest, most = sample.longest, _count(known, "max_output_tokens")
    if longest and most and longest > most:
        yield (
            f"{who} gives {most:,} tokens at most, by {_TABLE}, and is asked for up to {longest:,}: "
            "providers refuse that; lower max_tokens in its params"
        )
    kinds = {str(part.get("type")) for message in sample.messages for part in message.parts}
    for kind in sorted(kinds & _READS.keys()):
        what, key = _READS[kind]
        if known.get(key) is not True:
            yield f"{who} is not said to read {what}, which the prompt sends, by {_TABLE}; see that it does"


def _facts(section: ModelSettings) -> Mapping[str, Any] | None:
    return next((row for _, row in rows_of(section.priced_as or section.model)), None)


def _longer(task: Task, sample: Request, who: str, window: int) -> Iterator[str]:
    """Every example is looked at; what the prompt has beside its inputs is taken from one of them."""
    own = sum(map(tokens, sample.texts)) - _inputs(task.examples[0].inputs)
    sizes = [own + _inputs(example.inputs) for example in task.examples]
    if too_long := [size for size in sizes if size > window]:
        longest = round(max(too_long), -2)
        yield (
            f"{who} takes in {window:,} tokens at most, by {_TABLE}: {len(too_long):,} of {len(sizes):,} examples "
            f"are longer with the prompt as it is, the longest with about {longest:,.0f} (roughly counted)"
        )


def _inputs(inputs: Mapping[str, Any]) -> float:
    return sum(tokens(as_text(value)) for value in inputs.values())


def _count(row: Mapping[str, Any], key: str) -> int | None:
    found = row.get(key)
    return found if isinstance(found, int) and found > 0 else None
