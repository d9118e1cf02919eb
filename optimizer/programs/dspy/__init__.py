"""The one door to DSPy: its optimizers, pointed at our prompts.

What an optimizer changes are the instructions and the worked examples of one predictor. The result is an ordinary
`Prompt` again, which is raced, exported and rendered like any other. Every call goes through our models and counts
against `max_calls`. DSPy itself is opened when it is first used.

A compile (`compiling`): `recipes` names the optimizers (`showing`: examples, `rewriting`: instructions, `variants`:
ours of theirs), `job` is what they work with, `rows` their examples, `engine` their model, `module` the prompt as they
see it. A team's program: `opening`, `running` (`typed`: its inputs), and `whole`, which compiles it. `quiet`
keeps DSPy silent everywhere.
"""

from optimizer.programs.dspy.compiling import Compiled, compile_prompt
from optimizer.programs.dspy.job import Recipe
from optimizer.programs.dspy.recipes import OPTIMIZERS

__all__ = ["OPTIMIZERS", "Compiled", "Recipe", "compile_prompt"]
