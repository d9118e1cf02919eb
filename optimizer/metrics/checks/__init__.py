"""What can be said of an answer without another to compare it with.

`valid`: it keeps the reply's contract; `manner`: it declines or does not, and has the form that is wanted;
`grounding`: its citations and figures are covered by the passages given.
"""
