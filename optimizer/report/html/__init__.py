"""The page that people read.

`page` fills page.html by way of `templating`, which every page of ours goes through; `rows` hands all examples to
page.js. `charts` draws, `pictures` says of which facts, and `trials` shows what the search tried.
"""
