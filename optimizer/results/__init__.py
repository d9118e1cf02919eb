"""What a run found out: as one value (`migration`), as files (`rundir`, by way of `records` and `restore`), as tables
(`tidy`), as Optuna's studies (`studies`), beside other targets (`recommendation`), and under other terms (`rescore`,
`sensitivity`).
"""
