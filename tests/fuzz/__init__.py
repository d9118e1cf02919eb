"""Broken files and answers by the thousand: only the package's own errors may come of them.

    python -m tests.fuzz --minutes 10              every target for so long
    python -m tests.fuzz --minutes 10 task         one of them

A finding is written to a folder, and the command ends with 1. Mutations are drawn from a seed, so a run can be had
again. The ordinary tests run each target for a fixed number of rounds.
"""
