"""What is odd about the data, in sentences: nothing of it ends a run, and all of it is worth knowing before one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from statistics import median

from optimizer.config import Settings
from optimizer.config.prompts import PromptSettings
from optimizer.data.split import content_key
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Suite
from optimizer.prompt.template import Logic
from optimizer.prompt.variables import kind_of, kinds_of
from optimizer.types import Example, Output

_PATIENT = 120  # seconds; hardly anybody waits longer for most answers
#: Words in double braces, as people write them who take a column's title for a name; JSON has quotes and colons.
_ODD_NAME = re.compile(r"\{\{\s*([^\W\d_]\w*(?:[ \t]+[\w()/&%#-]+)+)\s*\}\}")


def remarks(
    settings: Settings,
    examples: tuple[Example, ...],
    recorded: Mapping[str, Output] | None,
    unmeasured: frozenset[str],
    history: str | None = None,
) -> Iterator[str]:
    """`history`: the variable with the earlier turns of a conversation, of which a row that begins one has none."""
    total = len(examples)
    yield from _duplicates(examples)
    without = sum(example.expected is None for example in examples)
    if settings.data.expected and without:
        way = ": there the source's own answer stands in for it"
        auto = any(metric.against == "auto" for metric in settings.metrics)
        yield f"{without} of {total} rows have no gold answer{way if auto else ''}"
    if total > 1 and not without and _alike(examples):
        yield f"all {total} gold answers are equal: a prompt that always says the same gets full marks"
    blank = Counter(name for e in examples for name, value in e.inputs.items() if value in ("", []))
    for name, count in sorted(blank.items()):
        if name != history or count == total:
            yield f"{count} of {total} rows have an empty {name!r}"
    if settings.data.hub and not settings.data.hub.revision:
        yield "data.hub has no revision: the dataset may change between runs; a commit keeps it still"
    if recorded is not None:
        states = Counter(output.status for output in recorded.values())
        if states["invalid"]:
            yield f"{states['invalid']} of {total} recorded outputs break the reply's contract; they score 0"
        if states["failed"]:
            yield f"{states['failed']} of {total} rows have no recorded output; they count for neither side"
        yield from slow("the source", recorded.values())
        for name in sorted(unmeasured & {"cost", "latency"}):
            yield f"the record says nothing of the source's {name}, so it cannot be compared (data.source.{name})"


def slow(who: str, outputs: Iterable[Output]) -> Iterator[str]:
    """Seconds that look like milliseconds: compared with a target's, they would make it a thousand times as fast."""
    found = [output.latency for output in outputs if output.status != "failed"]
    if found and (usual := median(found)) > _PATIENT:
        yield f"the recorded latency of {who} is {usual:,.0f} s in the median; milliseconds must be divided by 1,000"


def _alike(examples: tuple[Example, ...]) -> bool:
    """Are all gold answers equal? The first that differs ends the look."""
    golds = (content_key({"": example.expected}) for example in examples)
    first = next(golds)
    return all(gold == first for gold in golds)


def _duplicates(examples: tuple[Example, ...]) -> Iterator[str]:
    first: dict[str, Example] = {}
    repeated = contrary = 0
    for example in examples:
        earlier = first.setdefault(content_key(example.inputs), example)
        repeated += earlier is not example
        contrary += earlier is not example and earlier.expected != example.expected
    if repeated:
        other = f", {contrary} of them with another gold answer" if contrary else ""
        yield f"{repeated} duplicate rows (equal inputs but for white space{other}); they stay together in one split"


def unbundled(prompt: Prompt, examples: tuple[Example, ...]) -> Iterator[str]:
    """What a bundle cannot hold; better known before the run is paid for."""
    turns = () if isinstance(prompt, Suite) else prompt.messages
    if any(isinstance(segment, Logic) for turn in turns for segment in turn.content.segments):
        yield "the prompt has Jinja control flow: there will be no bundle, only exports as prompty and mlflow"
    for name in sorted(prompt.names):
        values = [example.inputs[name] for example in examples]
        if kind_of(values) is None:
            yield (
                f"the values of {name!r} are of several types ({kinds_of(values)}): there will be no bundle; write all "
                "of them as text (as JSON, where they are no text), which gives the same prompts"
            )


def unfilled(settings: Settings, prompt: Prompt) -> Iterator[str]:
    """What reads like a variable but has no name of one: it would be sent as it stands, to every model."""
    if not isinstance(settings.subject, PromptSettings) or settings.subject.syntax != "mustache":
        return
    texts = [piece for turn in prompt.messages for piece in turn.content.segments if isinstance(piece, str)]
    for found in dict.fromkeys(name for text in texts for name in _ODD_NAME.findall(text)):
        name = re.sub(r"\W+", "_", found).strip("_").lower()
        yield (
            f"the prompt's {{{{{found}}}}} is sent as it stands: a variable's name has no spaces or brackets. If it is "
            f"one, write {{{{{name}}}}}, and in data.fields {name}: COLUMN"
        )
