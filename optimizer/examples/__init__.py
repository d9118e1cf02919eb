"""Worked examples, shipped with the package: each folder holds a task, its data, and the generator of the data.

`copying` puts one into a folder of the user's.
"""

from optimizer.examples.copying import EXAMPLES, copy_example, copy_notebook

__all__ = ["EXAMPLES", "copy_example", "copy_notebook"]
