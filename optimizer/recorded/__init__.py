"""Outputs that were recorded elsewhere, read for a comparison: rows of each side, joined by the example's id.

`reading` makes a `recording` of them: `joining` finds each side's rows, `scores` what others thought of them,
`findings` what is odd about them.
"""

from optimizer.recorded.reading import load_recording
from optimizer.recorded.recording import Answers, Recording

__all__ = ["Answers", "Recording", "load_recording"]
