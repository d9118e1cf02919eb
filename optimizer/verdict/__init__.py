"""Whether the application may migrate: decided once, on examples that the search never saw.

`weigh` leads from what was measured to the decision: `matched` finds the pairs, `confirm` decides, `constraints` checks
the limits, `reasons` says why, and `slices` looks at parts of the examples. `statistics` and `pairs` compare scores,
and know nothing of prompts; `power` says beforehand what so many examples can show.
"""
