"""A prompt as the program that answers with it: asked once, or run by DSPy where it has several parts."""

from __future__ import annotations

from optimizer.programs.program import Program
from optimizer.programs.prompted import PromptProgram
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Suite


def program_of(prompt: Prompt) -> Program:
    if isinstance(prompt, Suite):
        from optimizer.programs.dspy.running import SuiteProgram

        return SuiteProgram(prompt)
    return PromptProgram(prompt)
