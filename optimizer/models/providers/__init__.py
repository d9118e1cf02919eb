"""Those who answer, and what can be known of them before they are asked.

At the end of the line: `litellm`, the model of every provider, and `library`, by which LiteLLM is opened; for servers
that speak OpenAI's protocol `direct`, a short cut, and `streaming`, which reads a reply as it is written; `embedding`,
for vectors. Between us and them may stand a `gateway`: a LiteLLM proxy.

Before the first call: `reserved` refuses parameters that no task may set, `clocks` says by what a call may be timed,
`access` looks for keys and servers, `listing` reads which models a server has, `sunset` until when a model is there,
and `supported` which parameters it takes.
"""
