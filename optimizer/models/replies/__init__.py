"""What came back, and what it means; nothing here asks.

`answers` finds the text, or the calls of tools; `usage` the tokens; `names` says whether the model that answered is the
one that was asked; `failures` makes a `ModelError` of whatever went wrong.
"""
