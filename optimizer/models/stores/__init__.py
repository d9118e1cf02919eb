"""Where answers are remembered, so that no question is paid for twice.

`cache` is the model that looks before it asks, and the store in a file; `asking` keeps apart who shares such a file.
`postgres` is the store on a server that many drivers share, by way of `pgserver`. `opening` says which of the two a run
has.
"""
