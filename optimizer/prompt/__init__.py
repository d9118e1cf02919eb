"""A prompt: instructions, worked examples, a template for the inputs, a layout, a contract and parameters.

`prompt` is the value that holds them all. `template` is text with variables (`packing`: as JSON), `media` what is no
text; `contract` the form of a reply; `layout` puts the parts together, `history` the earlier turns of a conversation in
their place; `picking` chooses examples for each request. `suite` is several prompts as one program, `variables` says of
what type an input is. `wording` and `copying` say what new instructions may not do.
"""

from optimizer.prompt.prompt import Demo, Prompt

__all__ = ["Demo", "Prompt"]
