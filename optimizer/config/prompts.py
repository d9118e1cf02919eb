"""The task file's section on a prompt: its turns, the tools that it offers, the reply that it asks for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from optimizer.config.sections import ReplySettings, Section, Text, as_problem, many
from optimizer.prompt import Prompt
from optimizer.prompt.layout import Speaker
from optimizer.prompt.template import Syntax
from optimizer.tools import Toolset
from optimizer.types import Params


class Turn(Section):
    role: Speaker = Field(
        description="placeholder: here stand the earlier turns of a conversation; `content` is the variable with them"
    )
    content: str | list[dict[str, Any]] = Field(
        description="A text, or a list of parts: texts, and images or documents, which are passed on as they are"
    )


class PromptSettings(Section):
    system: str | None = None
    user: str | None = None
    messages: tuple[Turn, ...] = Field(
        default=(),
        description="Chat turns, few-shot turns and a placeholder for earlier ones among them; the last is the user's",
    )
    file: Text | None = Field(default=None, description="A text file (one user message) or a JSON file with messages")
    syntax: Syntax = Field(
        default="mustache", description="How variables are written: {{x}}, {x}, {{ x }}, {{{x}}}, {$x}"
    )
    protect: Annotated[tuple[Text, ...], BeforeValidator(many, json_schema_input_type=str | list[str])] = Field(
        default=(), description="Texts that stand word for word in every variant"
    )
    reply: ReplySettings = ReplySettings()
    tools: list[Any] = Field(
        default=[],
        description="Function tools in OpenAI's schema, or a JSON file with them",
        json_schema_extra={"type": ["array", "string", "null"]},
    )
    tool_choice: str | dict[str, Any] | None = Field(
        default=None, description="auto, required, none, or the name of the tool that must be called"
    )

    @model_validator(mode="before")
    @classmethod
    def _calls(cls, data: Any) -> Any:
        """A prompt with tools is answered by calls: the reply's kind follows."""
        if not isinstance(data, dict) or not (data.get("tools") or data.get("tool_choice")):
            return data
        reply = data.get("reply") or {}
        if not isinstance(reply, dict):
            return data
        if (kind := reply.get("kind") or "tools") != "tools":
            raise ValueError(
                f"reply.kind: a prompt with tools is answered by calls, not by {kind!r}; leave the kind out"
            )
        return {**data, "reply": {**reply, "kind": "tools"}}

    @model_validator(mode="after")
    def _one_form(self) -> PromptSettings:
        forms = [self.system is not None or self.user is not None, bool(self.messages), bool(self.file)]
        if sum(forms) != 1:
            raise ValueError("needs exactly one of `user` (with or without `system`), `messages` and `file`")
        if forms[0] and self.user is None:
            raise ValueError("has a `system` message but no `user` message; the variables belong there")
        with as_problem():
            self.offered if self.file else self.build()
        return self

    @property
    def offered(self) -> Toolset:
        return Toolset.read(self.tools, self.tool_choice) if self.tools or self.tool_choice else Toolset()

    def build(self, params: Params | None = None) -> Prompt:
        """The prompt as its team wrote it, with `params` as its decoding parameters."""
        turns: list[dict[str, Any]] = [{"role": turn.role, "content": turn.content} for turn in self.messages]
        if self.user is not None:
            system = [{"role": "system", "content": self.system}] if self.system is not None else []
            turns = [*system, {"role": "user", "content": self.user}]
        tools = self.offered
        return Prompt.from_messages(
            turns,
            syntax=self.syntax,
            contract=self.reply.build(tools),
            params={**self.reply.demand, **(params or {})},
            protected=self.protect,
            tools=tools,
        )
