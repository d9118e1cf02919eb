"""Look for the prompt with the best objective. Read `loop` downwards.

`brief` is what a search is given, `trial` what it finds out. `sampling` says which configurations to try, with
`crossover` and `study`, the door to Optuna; `pool` makes prompts of them, from what `enrich` adds between rounds:
wordings (`propose`, from the `failures`) and programs (`compiles`). `race`, `twoway` and `prospect` decide who gets the
next call and when to stop (`pruning`: Optuna's pruners instead). `entrants` keeps the standings; `lessons` is what the
next target learns. `journal` is the study as Optuna's tools open it; `live` writes it while the search is running.
"""
