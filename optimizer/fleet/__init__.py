"""Many tasks and targets as one batch: one budget, one store, one set of limits for each model, one summary.

    read the tasks ▸ divide the budget ▸ run them, some at once ▸ give what is left to those that ran out ▸ summary

A task that fails is named and stops nobody. A fleet that was cut off is started again: what is done is not done
again, and what was under way goes on over remembered answers. Which task is faster changes nothing.

`batch` is that, read it downwards. `settings` is what a fleet.yaml says, `planned` what its tasks would take, before
anything is asked; `opening` opens what all tasks have in common, `share` divides, `running` takes one task through its
run; `ledger` knows what is done and `paid` what it cost, `page` tells in the end, `status` on the way.
"""

from optimizer.fleet.batch import home_of, run_fleet
from optimizer.fleet.planned import check_fleet

__all__ = ["check_fleet", "home_of", "run_fleet"]
