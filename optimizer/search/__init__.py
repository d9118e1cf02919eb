"""Look for the prompt with the best objective. Read `loop` downwards.

`brief` is what a search is given, `trial` what it finds out. `asking` says which configurations to try, with
`crossover` and `study`, the door to Optuna; `candidates` makes prompts of them, from what `enrich` adds between rounds:
wordings (`propose`, from the `failures`) and programs (`compiles`). `race`, `twoway` and `prospect` say who gets the
next call, and when to stop (`pruning`: Optuna's pruners in their place). `entrants` keeps the standings; `lessons` is
what the next target learns; `record` is what Optuna's tools open, `live` keeps it while the search is going on.
"""
