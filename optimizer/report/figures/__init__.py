"""What a report tells, reckoned once for all its forms and without their words.

`facts` gathers it: `measures` (both sides and the change of every amount, with `intervals`), `breakdown` by stage,
`growth` of the prompt, `moves` of single examples (`texts` marks what differs), and what was `agreed` at the start.
"""
