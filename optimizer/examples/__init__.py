"""Worked examples, shipped with the package: each folder holds a task, its data, and the generator of the data."""
