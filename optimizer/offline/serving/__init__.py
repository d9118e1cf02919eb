"""The offline models over HTTP: the `server`, the form of what it hears and says (`wire`), its books (`desk`), the
`faults` it makes on purpose, and the limits it holds its callers to (`quota`)."""
