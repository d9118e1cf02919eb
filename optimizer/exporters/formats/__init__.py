"""The forms in which other tools read a prompt; the parent's `registry` lists them.

For chat APIs: `messages`. Template files: `dotprompt`, `prompty`, `jinja`, `langchain`, `litellm`. Registries and
frameworks: `registries`, `bedrock`, `dspy`, `promptfoo` (with `regression`). For the cutover: `gateway`, and
`gateway_hook`, which runs in the proxy.
"""
