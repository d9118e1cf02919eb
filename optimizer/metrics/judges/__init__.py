"""Metrics that ask a model.

`judge` rates by a rubric or prefers one of two answers, and `scrutiny` asks how far its ratings can be trusted.
`frameworks` are other libraries' metrics; whatever they ask of a model goes through `door`.
"""
