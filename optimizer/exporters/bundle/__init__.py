"""The bundle: a winning prompt with all that production needs to use it and to trust it.

`making` makes its files, from `evidence` and `thresholds`; `sealing` and `signing` close it; `verifying` and
`coherence` check it again; `approved` keeps what somebody approved.
"""
