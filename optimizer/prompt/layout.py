"""How the parts of a prompt are put together: where instructions stand, how parts are set apart, how the
reply is asked for. The default layout leaves a prompt exactly as its team wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from optimizer.prompt.contract import Contract
from optimizer.prompt.template import Template, join

Delimiters = Literal["as_is", "xml", "markdown"]
Placement = Literal["as_is", "system", "user"]

MARKER = "Answer:"
REASONING = {
    "as_is": "",
    "first": f"First think it through, step by step and briefly. Then write {MARKER} and behind it the reply proper.",
    "none": "Do not explain your answer.",
}


@dataclass(frozen=True)
class Layout:
    """One choice for each question of form.

    `demos`: worked examples as chat turns, or as text in the instructions. `reply`: whether and how the
    contract is stated in addition to what the prompt says; `reply_at`: with the instructions, or last.
    `reasoning`: "first" asks for thought before the answer, "none" forbids it.
    """

    delimiters: Delimiters = "as_is"
    placement: Placement = "as_is"
    demos: Literal["turns", "text"] = "turns"
    reply: Literal["as_is", "told", "shown"] = "as_is"
    reply_at: Literal["instructions", "end"] = "instructions"
    reasoning: Literal["as_is", "first", "none"] = "as_is"


Speaker: TypeAlias = Literal["system", "user", "assistant", "placeholder"]  # the last: see `history`


@dataclass(frozen=True)
class Turn:
    role: Speaker
    content: Template


def arrange(
    *,
    layout: Layout,
    contract: Contract,
    instructions: Template,
    turns: Sequence[Turn],
    shots: Sequence[tuple[Template, Template]],
    question: Template,
    joint: str,
    in_user: bool,
    tools: str = "",
) -> tuple[Turn, ...]:
    """The messages of a prompt.

    `shots`: worked examples, each a question with its inputs filled in, and the reply; or slots for both.
    `joint`: the white space between instructions and question where the team wrote both into one message (`in_user`).
    `tools`: what is said of them in the instructions. A reply that is a call cannot be shown as a turn: providers want
    each call followed by its result.
    """
    as_text = layout.demos == "text" or contract.kind == "tools"
    asked = Template((statement,)) if (statement := _statement(layout, contract)) else Template()
    last = layout.reply_at == "end"
    head = [
        _section(layout, "instructions", instructions),
        _section(layout, "tools", Template((tools,)) if tools else Template()),
        _section(layout, "examples", _listed(layout, shots) if as_text else Template()),
        _section(layout, "reply_format", Template() if last else asked),
    ]
    ask = _section(layout, "input", question)
    tail = _section(layout, "reply_format", asked if last else Template())

    spoken = [*turns]
    if not as_text:
        shown = [(Turn("user", _section(layout, "input", shot)), Turn("assistant", reply)) for shot, reply in shots]
        at = next((number for number, turn in enumerate(turns) if turn.role == "placeholder"), len(spoken))
        spoken[at:at] = [turn for pair in shown for turn in pair]  # a conversation is not torn from its last question
    spoken.append(Turn("user", join("\n\n", [ask, tail])))
    opening = join("\n\n", head)
    if not opening:
        return tuple(spoken)
    if not (in_user if layout.placement == "as_is" else layout.placement == "user"):
        return (Turn("system", opening), *spoken)
    gap = joint if in_user and layout.delimiters == "as_is" and not spoken[1:] else "\n\n"
    first = next(number for number, turn in enumerate(spoken) if turn.role == "user")
    spoken[first] = Turn("user", opening + gap + spoken[first].content)
    return tuple(spoken)


def _statement(layout: Layout, contract: Contract) -> str:
    form = {"as_is": "", "told": contract.told(), "shown": contract.shown()}[layout.reply]
    thought = REASONING[layout.reasoning]
    if contract.kind == "tools" and layout.reasoning == "first":
        thought = "First think it through, step by step and briefly. Then call."
    return "\n".join(part for part in (thought, form) if part)


def _section(layout: Layout, name: str, content: Template) -> Template:
    if not content or layout.delimiters == "as_is":
        return content
    if layout.delimiters == "xml":
        return Template((f"<{name}>\n",)) + content.strip() + f"\n</{name}>"
    return Template((f"## {name.replace('_', ' ').capitalize()}\n\n",)) + content.strip()


def _listed(layout: Layout, shots: Sequence[tuple[Template, Template]]) -> Template:
    listed = []
    for number, (question, reply) in enumerate(shots, start=1):
        if layout.delimiters == "xml":
            body = Template(("<example>\n<input>\n",)) + question.strip() + "\n</input>\n<output>\n"
            listed.append(body + reply + "\n</output>\n</example>")
        else:
            heading = f"### Example {number}" if layout.delimiters == "markdown" else f"Example {number}"
            listed.append(Template((f"{heading}\n\nInput:\n",)) + question.strip() + "\n\nOutput:\n" + reply)
    return join("\n\n", listed)
