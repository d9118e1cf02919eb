"""The tools that a prompt offers, and whether one must be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optimizer.errors import ConfigError, nearest
from optimizer.tools.definitions import MODES, MOST, brief, faults
from optimizer.tools.described import told
from optimizer.tools.schema import reduced


@dataclass(frozen=True)
class Toolset:
    """`choice`: None (nothing is said), "auto", "required", "none", or the name of the tool that must be called.

    `stated`: the tools and their parameters are described in the instructions as well.
    """

    definitions: tuple[Mapping[str, Any], ...] = ()
    choice: str | None = None
    stated: bool = False

    @classmethod
    def read(cls, tools: Any, choice: Any = None) -> Toolset:
        """Raises ConfigError with the place of what no provider would take."""
        if choice is not None and not tools:
            raise ConfigError("tool_choice: there are no tools to choose from; list them in `tools`, or remove it")
        if not isinstance(tools, Sequence) or isinstance(tools, str) or len(tools) > MOST:
            raise ConfigError(f"tools: must be a list of 1 to {MOST} tools, found {brief(tools)}")
        for place, problem in faults(tools):
            raise ConfigError(f"{place}: {problem}")
        return cls(tuple(tools), _chosen(choice, [tool["function"]["name"] for tool in tools]))

    @cached_property
    def functions(self) -> Mapping[str, Mapping[str, Any]]:
        """By name, in order."""
        return {tool["function"]["name"]: tool["function"] for tool in self.definitions}

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """By tool, the schema of its arguments in the keywords that the bundle's reader knows."""
        return {name: reduced(tool.get("parameters", {})) for name, tool in self.functions.items()}

    @property
    def needed(self) -> bool:
        """Whether an answer without a call is no answer."""
        return self.choice not in (None, "auto", "none")

    @property
    def sent(self) -> dict[str, Any]:
        """The request's parameters that offer the tools."""
        if not self.definitions:
            return {}
        choice: Any = self.choice
        if choice is not None and choice not in MODES:
            choice = {"type": "function", "function": {"name": choice}}
        tools = [dict(tool) for tool in self.definitions]
        return {"tools": tools} if choice is None else {"tools": tools, "tool_choice": choice}

    @property
    def text(self) -> str:
        """The tools in words, for the instructions; nothing where they are not stated there."""
        if not self.stated or not self.definitions:
            return ""
        return "\n".join(
            ["You can call these tools:", *(line for tool in self.functions.values() for line in told(tool))]
        )

    def to_dict(self) -> dict[str, Any]:
        return {"definitions": [dict(tool) for tool in self.definitions], "choice": self.choice, "stated": self.stated}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Toolset:
        return cls(tuple(data["definitions"]), data["choice"], data["stated"])

    def __bool__(self) -> bool:
        return bool(self.definitions)


def _chosen(choice: Any, names: Sequence[str]) -> str | None:
    """The mode, or the name of the tool, in OpenAI's long form or in short."""
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        choice = choice["function"].get("name")
    if choice is None or (isinstance(choice, str) and choice in (*MODES, *names)):
        return choice
    known = ", ".join((*MODES, *names))
    raise ConfigError(f"tool_choice: no tool is called {brief(choice)}.{nearest(str(choice), names)} Known: {known}")
