"""A prompt as a value: read from chat messages as a team wrote them, rendered to the request that asks a model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from optimizer import reader
from optimizer.errors import ConfigError
from optimizer.prompt import history
from optimizer.prompt.contract import Contract, spelled
from optimizer.prompt.layout import MARKER, Layout, Turn, arrange
from optimizer.prompt.packing import pack, unpack
from optimizer.prompt.picking import Picking, pooled
from optimizer.prompt.template import Syntax, Template, Var
from optimizer.tools import Toolset
from optimizer.types import Inputs, Params, Request


@dataclass(frozen=True)
class Demo:
    """A worked example shown to the model."""

    inputs: Inputs
    output: str


@dataclass(frozen=True)
class Prompt:
    """`instructions` say what to do, `question` carries the inputs; `turns` are fixed chat turns between them, and the
    place for the earlier turns of a conversation (see `history`).

    Where the team wrote both into one user message, `in_user` is set and `joint` keeps the white space
    between them, so that the unchanged prompt renders to the very bytes they wrote. `protected` texts stand
    in the instructions word for word in every variant. With `picking`, `demos` are a pool from which each request
    shows a few; without, all of them are always shown. `tools` are offered with every request.
    """

    instructions: Template
    question: Template
    turns: tuple[Turn, ...] = ()
    demos: tuple[Demo, ...] = ()
    layout: Layout = Layout()
    contract: Contract = Contract()
    params: Params = field(default_factory=dict)
    protected: tuple[str, ...] = ()
    joint: str = "\n\n"
    in_user: bool = False
    picking: Picking | None = None
    tools: Toolset = Toolset()

    @classmethod
    def from_messages(
        cls,
        messages: Sequence[Mapping[str, Any]],
        *,
        syntax: Syntax = "mustache",
        contract: Contract = Contract(),
        params: Params | None = None,
        protected: Sequence[str] = (),
        tools: Toolset = Toolset(),
    ) -> Prompt:
        """Chat messages as a team wrote them: at most one system message, first; the last one from the user."""
        roles = [message["role"] for message in messages]
        if not roles or roles[-1] != "user":
            raise ConfigError(f"prompt: the last message must be the user's, found the roles {roles}")
        if "system" in roles[1:]:
            raise ConfigError(f"prompt: a system message may only stand first, found the roles {roles}")
        written = [Turn(m["role"], Template.of_content(m["content"], m["role"], syntax)) for m in messages]
        history.check(written)
        *before, last = written
        shared: dict[str, Any] = {"contract": contract, "params": dict(params or {}), "protected": tuple(protected)}
        shared["tools"] = tools
        if before and before[0].role == "system":
            prompt = cls(before[0].content, last.content, turns=tuple(before[1:]), **shared)
        elif before:  # instructions that stand in an earlier turn stay where they are
            prompt = cls(Template(), last.content, turns=tuple(before), **shared)
        else:
            instructions, joint, question = _divide(last.content)
            prompt = cls(instructions, question, joint=joint, in_user=True, **shared)
        return prompt._checked()

    @cached_property
    def names(self) -> frozenset[str]:
        """The inputs that the prompt asks for."""
        parts = (self.instructions, self.question, *(turn.content for turn in self.turns))
        return frozenset(name for part in parts for name in part.names)

    @property
    def history(self) -> str | None:
        """The variable that holds the earlier turns of a conversation; None where the prompt has no place for them."""
        return history.slot(self.turns)

    @cached_property
    def shown(self) -> dict[str, Any] | None:
        """What `reader.pick` picks worked examples from; None where all are shown, or there is nothing to pick from."""
        if self.picking is None:
            return None
        entries = [(self._given(demo), demo.inputs, self._reply(demo)) for demo in self.demos]
        return pooled(entries, self.names, self.picking.count)

    @cached_property
    def messages(self) -> tuple[Turn, ...]:
        """The messages as templates, all but the inputs in place; examples to pick are slots, `{{#1.input}}` ..."""
        return arrange(
            layout=self.layout,
            contract=self.contract,
            instructions=self.instructions,
            turns=self.turns,
            shots=self._shots(),
            question=self.question,
            joint=self.joint,
            in_user=self.in_user,
            tools=self.tools.text,
        )

    @property
    def reading(self) -> Contract:
        """The contract under which a reply is read: with reasoning first, the answer stands behind a marker."""
        return replace(self.contract, marker=MARKER) if self._marked else self.contract

    @property
    def sent(self) -> dict[str, Any]:
        """All that a request says beside its messages: parameters, and the tools."""
        return {**self.params, **self.tools.sent}

    def render(self, inputs: Inputs) -> Request:
        """The request that asks a model about `inputs`."""
        if self.shown:
            own = {name: inputs[name] for name in self.names if name in inputs}
            inputs = {**inputs, **reader.pick(self.shown, own)}
        return Request(history.messages(self.messages, inputs), self.sent)

    def lacks(self, texts: Sequence[str]) -> str | None:
        """The first of `texts` that no message holds word for word; worked examples do not count."""
        if not texts:
            return None
        whole = "\n".join(turn.content.text for turn in replace(self, demos=()).messages)
        return next((text for text in texts if text not in whole), None)

    def to_dict(self) -> dict[str, Any]:
        """All of the prompt as JSON; `from_dict` gives back an equal one."""
        plain: dict[str, Any] = {"demos": [asdict(demo) for demo in self.demos], "layout": asdict(self.layout)}
        if self.picking:
            plain["picking"] = asdict(self.picking)
        if self.tools:
            plain["tools"] = self.tools.to_dict()
        return plain | {
            "instructions": pack(self.instructions),
            "question": pack(self.question),
            "turns": [{"role": turn.role, "content": pack(turn.content)} for turn in self.turns],
            "contract": self.contract.to_dict(),
            "params": dict(self.params),
            "protected": list(self.protected),
            "joint": self.joint,
            "in_user": self.in_user,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Prompt:
        return cls(
            instructions=unpack(data["instructions"]),
            question=unpack(data["question"]),
            turns=tuple(Turn(turn["role"], unpack(turn["content"])) for turn in data["turns"]),
            demos=tuple(Demo(**demo) for demo in data["demos"]),
            layout=Layout(**data["layout"]),
            contract=Contract.from_dict(data["contract"]),
            params=data["params"],
            protected=tuple(data["protected"]),
            joint=data["joint"],
            in_user=data["in_user"],
            picking=Picking(**data["picking"]) if "picking" in data else None,
            tools=Toolset.from_dict(data["tools"]) if "tools" in data else Toolset(),
        )

    @cached_property
    def digest(self) -> str:
        """Equal for equal prompts, on every machine."""
        # A schema's order of keys shows in the rendering, that of the parameters does not.
        facts = {**self.to_dict(), "params": sorted(self.params.items())}
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    def _shots(self) -> list[tuple[Template, Template]]:
        if self.picking is None:
            return [(Template((self._given(demo),)), Template((self._reply(demo),))) for demo in self.demos]
        slots = list(range(1, self.shown["count"] + 1)) if self.shown else []
        order = reversed(slots) if self.picking.best_last else slots
        return [(Template((Var(f"#{n}.input"),)), Template((Var(f"#{n}.output"),))) for n in order]

    def _given(self, demo: Demo) -> str:
        """The question of a worked example; trimmed here for a slot, where the layout would trim it."""
        text = self.question.render(demo.inputs)
        if self.history and (turns := demo.inputs.get(self.history)):  # it stands among turns that are not its own
            text = f"Earlier in this conversation:\n{history.in_words(turns)}\n\n{text}"
        trimmed = self.picking and (self.layout.delimiters != "as_is" or self.layout.demos == "text")
        return text.strip() if trimmed else text

    def _reply(self, demo: Demo) -> str:
        if self.contract.kind == "tools":
            return spelled(demo.output)
        return f"{MARKER} {demo.output}" if self._marked else demo.output

    @property
    def _marked(self) -> bool:
        """Whether the answer stands behind a marker; a call of a tool stands apart from what is said anyway."""
        return self.layout.reasoning == "first" and self.contract.kind != "tools"

    def _checked(self) -> Prompt:
        if not self.names:
            raise ConfigError(
                "prompt: no variable found: every example would get the same question; write {{column}}, or, where a "
                "column's name has spaces, {{name}} and data.fields: {name: COLUMN}"
            )
        text = "".join(turn.content.text for turn in self.messages)
        for kept in self.protected:
            if kept not in text:
                raise ConfigError(f"prompt.protect: {kept[:60]!r} does not stand in the prompt word for word")
        return self


def _divide(written: Template) -> tuple[Template, str, Template]:
    """Split one message before the paragraph with the first variable: (instructions, white space, question)."""
    first = written.segments[0] if written.segments else ""
    if not isinstance(first, str):
        return Template(), "\n\n", written
    breaks = list(re.finditer(r"\n[ \t]*\n\s*", first))
    if not breaks:
        return Template(), "\n\n", written
    gap = breaks[-1]
    rest = (first[gap.end() :], *written.segments[1:])
    return Template((first[: gap.start()],)), gap[0], Template(tuple(s for s in rest if s != ""))
