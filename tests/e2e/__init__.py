"""The program as its users have it: processes of their own, real servers, the real consumers, a real browser.

`examples` the worked examples and `make demo` · `servers` models behind HTTP, budgets, keys, clusters, trackers ·
`gateway` a real LiteLLM proxy · `crash` kill -9, stops, lost servers, shared stores · `pages` reports in Chromium ·
`consumers` exports in the tools that they are for · `tools` what these tests are made with.
"""
