"""Claims of an invented insurer, read and then routed: a pipeline of two prompts, migrated as one program."""
