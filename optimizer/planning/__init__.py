"""What can be settled before the first call.

`plan` fits space and prompt to each target. `estimate` says what a run will take, from the `scenarios` of the search
and the `sizes` of its requests; `least` refuses budgets that are too small for it, and `allowance` is what each target
may spend. `labels` says by what examples are told apart, and whether that is known by then; `probed`
who is asked a question before the source. `window` says what seems too much for a model. `agreement` is what was
agreed, by which a run directory recognises its task.
"""
