"""Labels that a prompt names in an ordinary sentence, as a task written by hand does."""

from __future__ import annotations

import pytest

from optimizer.offline.reading.form import find_form

LABELS = ("billing", "access", "other")


@pytest.mark.parametrize(
    "sentence",
    [
        "Classify the support ticket. Categories are billing, access and other.",
        'Classify the ticket. Answer with one of: "billing", "access", "other".',
        "Classify the ticket as one of billing, access or other; say nothing else.",
        "Whom does the ticket go to? Answer billing, access or other.",
        "Read the ticket.\nReply only with: billing, access, or other; no more.",
        "Read the ticket.\nKind of ticket: billing, access or other.",
    ],
)
def test_labels_named_in_a_sentence_are_the_choices_of_the_reply(sentence: str) -> None:
    (field,) = find_form(sentence, "", ()).fields
    assert (field.kind, field.labels) == ("label", LABELS)


@pytest.mark.parametrize(
    "sentence",
    [
        "Summarise one of the letters in a sentence, with date and sender.",
        "Answer politely or not at all.",
        "Reply briefly, or ask.",
        "Answer in one sentence, or two.",
    ],
)
def test_a_sentence_about_other_things_names_no_labels(sentence: str) -> None:
    (field,) = find_form(sentence, "", ()).fields
    assert (field.kind, field.labels) == ("text", ())
