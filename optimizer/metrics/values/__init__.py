"""Whether a value is the right one: `labels`, `numeric`, `structured` (field by field), `calls` (of tools)."""
