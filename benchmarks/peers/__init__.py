"""Whole optimisations, ours against its peers, at equal target calls and with the same proposer."""
