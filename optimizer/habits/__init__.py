"""What vendors say about prompting their models: one data file per family, read by `families`.

Each statement names the public document it comes from, with its address. `advice` is what a proposer is told, `wishes`
is a first configuration for the search (by the names of the ready-made dimensions), `drop_params` are parameters that
the model refuses, ignores or should not be given. Habits are where a search starts; scores decide.
"""

from optimizer.habits.families import GENERIC, Habits, Statement, family_of, habits_of

__all__ = ["GENERIC", "Habits", "Statement", "family_of", "habits_of"]
