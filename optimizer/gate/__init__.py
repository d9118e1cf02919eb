"""Does the bundle still hold? The target is asked afresh, and held against the thresholds sealed in the bundle.

For continuous integration before a cutover, and as a check for drift after it: on the held-out examples, each of which
is compared with its own sealed score, or on new ones. Every answer is fresh: the store of answers begins empty and is
thrown away, so that a model which has changed cannot hide behind what it once said.

`asking` is the gate from top to bottom: `examples` picks what is asked, `shipped` answers as production does,
`weighing` holds it against the thresholds. `telling` and `junit` say what came out.
"""

from optimizer.gate.asking import gate
from optimizer.gate.weighing import GateResult

__all__ = ["GateResult", "gate"]
