"""What those who run things want to see: is it running, what has it spent, what did it do.

From within: `beacon` writes status.json, `events` a log for collectors, `tracing` spans. From outside: `status` and
`dashboard` look at a run, `tracking` hands a finished one to MLflow.
"""
