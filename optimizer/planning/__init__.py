"""What can be settled before the first call: the space and the prompts (`plan`), what a run will take (`estimate`, from
the `course` of the search and the `sizes` of its questions), what it cannot do without (`least`), what each target may
spend (`allowance`), and what was agreed, by which a run is known again (`agreement`).
"""
