"""Programs: whatever turns inputs into a reply with the help of a model. A program is the thing that is shipped.

`program` is the protocol. `prompted` asks once, `shipped` chooses between it and `dspy`, where a team's own programs
and DSPy's optimizers are.
"""

from optimizer.programs.program import Program

__all__ = ["Program"]
