"""A real LiteLLM proxy for tests, with PostgreSQL behind it where virtual keys are wanted."""
