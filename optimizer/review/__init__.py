"""People judge a run's held-out answers without knowing whose they are, and what they say comes back as evidence.

`pairs` lays both answers to an example side by side, in an order that only the run directory can tell; `sheet` writes
them down for a spreadsheet, `reading` takes filled sheets back in from what a spreadsheet wrote (`returned`),
`weighing` reckons what they say, `telling` puts it into words, and `kept` is the file of it in the run directory;
`marks` is another, by which the next run checks its judge.
"""
