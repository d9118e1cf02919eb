"""What a model can do with what it has read, each in a module of its own.

`labels` are chosen by likeness, with a feeling for mood (`tone`) and for how a conversation ended (`ending`). `extract`
fills fields from a text. `answer` answers questions from passages, by their `figures`. `calling` calls tools, with
arguments in the `forms` that are asked for. `summarise` keeps the sentences that tell most.
"""
