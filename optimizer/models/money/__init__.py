"""What calls cost, and a purse that never pays more than it may. Read `meter` downwards.

`meter` is the model that charges a role's calls to the run's `purse`, which sets aside what is in flight and knows what
is left; `book` adds up what a role took. `tries` books every single request before it goes out, for a lost one may be
billed as well; `journal` keeps them in a file, so that a run which was killed knows what it had spent. `prices` says
what a token costs.
"""
