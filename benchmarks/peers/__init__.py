"""Whole optimisations, ours against its peers, at equal target calls and with the same proposer.

    python -m benchmarks.peers --seeds 10            # goes on where it was cut off; results/peers.csv and peers.md
    python -m benchmarks.peers --table               # only the tables

Everything is asked over HTTP through a gate that counts, and refuses the target's calls beyond the limit (`gate.py`).
Each peer runs in an environment of its own, made below the user's cache folder or the one that PROMPTPORT_PEERS names.
In reading order: `subjects.py`, `outside.py` (tasks) · `gate.py` · `ours.py` · `visitors.py`, `drivers/` (peers) ·
`contest.py` · `tables.py`.
"""
