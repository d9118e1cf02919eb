"""Claims post: letters through a pipeline of two prompts."""
