"""Exporters: the winning prompt in the forms that production reads. They take a finished run and ask no model.

`shipment` is what an exporter is handed and hands back, `registry` knows them by name. For chat APIs: `messages`. For
template files: `dotprompt`, `prompty`, `jinja`, `langchain`, `litellm`. For registries and frameworks: `registries`,
`bedrock`, `dspy`, `promptfoo` (with `regression`). For the cutover: `gateway`, and `gateway_hook`, which runs in the
proxy. All of them: `rendering` (is it what was scored?), `plainly`, `names`.

The bundle: `bundle` writes it from `evidence` and `thresholds`; `sealing` and `signing` close it, `verifying` and
`coherence` look at it again, `standing` keeps what somebody approved.
"""
