"""How alike two texts are.

`matching` finds them equal, overlapping or containing; `translation` scores them as machine translation does;
`embedding` compares vectors of a model. `tokens` makes words of a text, `overlap` counts what two sequences share.
"""
