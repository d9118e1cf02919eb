"""Figures as a reader of the page or of Markdown sees them.

`table` has the sides beside each other, `evidence` what else the verdict rests on, `numbers` have signs.
"""
