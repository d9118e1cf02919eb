"""When a question goes out: not too fast, not in vain, and once more after a failure that passes.

Four models, the outermost first: `retry` asks again; `rate` lets no more through than a provider allows; `wary` waits
where a gateway's key seems empty; `breaker` pauses while a provider is gone, which `notice` tells whoever listens. What
`rate` keeps to is `stated` by the server or `learnt` from its refusals; a `bucket` counts what may be used now.
"""
