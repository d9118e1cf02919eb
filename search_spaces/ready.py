"""The ready-made spaces: what is worth trying, and why. The first choice of every dimension changes nothing."""

from __future__ import annotations

from optimizer.space import SearchSpace
from search_spaces.compilers import ALL_PROGRAMS, FEW_SHOT, KNOBS, PROGRAMS
from search_spaces.decoding import EFFORT, MAX_TOKENS, RESPONSE_FORMAT, TEMPERATURE, TOP_P
from search_spaces.demos import DEMO_CHOICE, DEMO_FORM, DEMO_ORDER, DEMOS, EVERY_CHOICE, EVERY_ORDER
from search_spaces.instructions import WORDING
from search_spaces.layout import ADAPTER, DELIMITERS, PLACEMENT
from search_spaces.output import REASONING, REPLY, REPLY_AT
from search_spaces.tools import TOOL_CHOICE, TOOL_ORDER, TOOL_TEXT, TOOL_WORDING

#: A first look: the five choices that mostly decide.
QUICK = SearchSpace((WORDING, DELIMITERS, DEMOS, REPLY, FEW_SHOT))

#: The default: whatever moves quality without leaving what every chat model has.
STANDARD = SearchSpace(
    (
        WORDING,
        DELIMITERS,
        PLACEMENT,
        DEMOS,
        DEMO_CHOICE,
        DEMO_ORDER,
        DEMO_FORM,
        REPLY,
        REPLY_AT,
        REASONING,
        TEMPERATURE,
        PROGRAMS,
    )
)

#: Everything there is; worth a larger budget (200 trials and more).
THOROUGH = SearchSpace(
    (
        WORDING,  # what the instructions say matters most
        DELIMITERS,  # families differ in what they read best
        PLACEMENT,  # some models hardly heed the system message, others nothing else
        DEMOS.among(1, 2, 3, 4, 6, 8, 12),  # more is not always better, and costs tokens in every call
        DEMO_CHOICE.among(*EVERY_CHOICE),  # a fixed few, or the ones most like each request
        DEMO_ORDER.among(*EVERY_ORDER),  # models lean towards what they read last
        DEMO_FORM,  # turns set the form of the reply, text leaves the conversation alone
        REPLY,  # a form that is shown is broken less often than one that is described
        REPLY_AT,  # behind a long input, the last words count most
        REASONING,  # thinking first helps with several steps, and costs where there is one
        MAX_TOKENS,  # ends rambling, at the risk of cutting answers
        TOP_P.among(0.1, 0.5, 0.9),  # a narrower draw instead of a colder one
        TEMPERATURE.among(0.0, 0.3, 0.7, 1.0),  # cold is steady; some families want it warm
        EFFORT,  # buys quality with tokens where a model can think
        RESPONSE_FORMAT,  # the API itself holds the reply to JSON
        ALL_PROGRAMS,  # what DSPy's optimizers find
        *KNOBS,  # and how they are set; another setting is another compile
    )
)

#: One label out of a list.
CLASSIFICATION = SearchSpace(
    (
        WORDING,  # definitions that keep similar labels apart
        DELIMITERS,
        PLACEMENT,
        DEMOS.among(2, 4, 8, 16),  # up to one or more of each label
        DEMO_CHOICE.among("balanced", "diverse", "hardest", "per_request"),  # a label never shown is seldom given
        DEMO_ORDER.among("reversed", "alternating"),  # the last label shown is given too often
        DEMO_FORM,
        REPLY,  # the bare label, and nothing around it
        REPLY_AT,
        REASONING.among("none"),  # a label needs few steps, and thoughts in front of it break the form
        TEMPERATURE.among(0.0),  # one answer is right: draw the likeliest
        PROGRAMS,
    )
)

#: Fields of a JSON object, filled from a text.
EXTRACTION = SearchSpace(
    (
        WORDING,  # which of several candidates is meant, what to do where nothing is there
        DELIMITERS,  # keeps the text apart from the instructions
        PLACEMENT,
        DEMOS.among(1, 2, 4),  # each shows a whole object, so few say much
        DEMO_CHOICE.among("diverse", "short", "per_request"),  # different texts fill different fields
        DEMO_FORM,
        REPLY,  # keys and types, described or as a form to fill in
        REPLY_AT,  # after a long text
        REASONING.among("first"),  # where fields depend on each other
        RESPONSE_FORMAT,  # valid JSON by the API's own means
        TEMPERATURE.among(0.0),  # what stands in the text stands there
        PROGRAMS,
    )
)

#: Answers from passages that a search has found.
RETRIEVAL = SearchSpace(
    (
        WORDING,  # use the passages only, which one counts, what to do without an answer
        DELIMITERS,  # keeps passages and question apart
        PLACEMENT,  # rules in front of long passages, or with them
        DEMOS.among(1, 2),  # each brings its passages along: dear
        DEMO_CHOICE.among("short", "diverse"),
        DEMO_FORM,
        REPLY,
        REPLY_AT,  # what stands behind the passages is remembered
        REASONING,  # finding the right passage is a step of its own
        RESPONSE_FORMAT,  # where the answer is JSON with its source
        TEMPERATURE.among(0.0),  # keeps to the passages
        PROGRAMS,
    )
)

#: A shorter text.
SUMMARISATION = SearchSpace(
    (
        WORDING,  # what must be in it, what must not, how long
        DELIMITERS,
        PLACEMENT,
        DEMOS.among(1, 2, 3),  # shows length and tone, which words describe badly
        DEMO_CHOICE.among("short", "diverse", "nearest", "per_request"),  # the inputs are long
        DEMO_FORM,
        REPLY,
        REPLY_AT,  # the length is forgotten over a long input
        REASONING.among("none"),  # no remarks around the summary
        MAX_TOKENS.among(128, 256, 512),  # an upper end to the length
        TEMPERATURE.among(0.0, 0.5),  # steady or fluent
        PROGRAMS,
    )
)

#: Calls of tools.
TOOLS = SearchSpace(
    (
        WORDING,  # when to call what, and when not to
        TOOL_TEXT,  # some models hardly read what stands beside the messages
        TOOL_WORDING,  # what a parameter must look like
        TOOL_CHOICE,  # some models would rather chat
        TOOL_ORDER,  # models lean towards what stands first
        DELIMITERS,
        PLACEMENT,
        DEMOS.among(2, 4),  # as text: a call shown as a turn would need its result
        DEMO_CHOICE.among("balanced", "diverse", "per_request"),  # a tool never shown is seldom called
        REPLY.among("told"),  # several matters, several calls
        TEMPERATURE.among(0.0),  # one call is right
    )
)

#: A program of several prompts: wording and demos stand for one dimension for each of them.
PIPELINE = SearchSpace(
    (
        WORDING,  # every prompt has its own
        DEMOS,  # a prompt that others build upon must keep its form
        ADAPTER,  # families differ in the form of fields that they keep to
        FEW_SHOT.among("bootstrap_few_shot"),  # examples of all steps, bootstrapped together
        TEMPERATURE.among(0.0),  # what the next prompt reads should be steady
    )
)
