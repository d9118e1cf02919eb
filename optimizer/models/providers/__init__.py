"""Those who answer, and what can be known of them before they are asked.

The models at the end of the line: `litellm`, for every provider; `direct`, its short cut to servers that speak OpenAI's
protocol; `embedding`, for vectors. Between us and them may stand a `gateway`, a LiteLLM proxy of the user's.

Before the first call: `reserved` refuses parameters that no task may set, `access` looks for keys and servers,
`listing` reads which models a server has, and `sunset` until when a model is there.
"""
