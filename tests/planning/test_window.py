"""What a model can take in and give out is held against the task before the first call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.models.money.prices import table
from optimizer.planning.plan import plan
from optimizer.task import load_task
from tests.walking import write_task

TARGET = "openai/gpt-3.5-turbo"
WINDOW, GIVES = (table()["gpt-3.5-turbo"][key] for key in ("max_input_tokens", "max_output_tokens"))


def notes(folder: Path, words: int = 3, long: int = 0, **sections: Any) -> list[str]:
    """Of a task with `long` of 60 examples of so many words (five bytes each)."""
    rows = [{"n": "word " * (words if i < long else 3) + str(i), "gold": "even" if i % 2 else "odd"} for i in range(60)]
    path = write_task(folder, target=TARGET, **sections)
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return [note for note in plan(load_task(path)).notes if "the model table" in note and "end date" not in note]


def test_a_task_that_fits_needs_no_word(tmp_path: Path) -> None:
    assert notes(tmp_path) == []


def test_examples_longer_than_the_window_are_counted(tmp_path: Path) -> None:
    (told,) = notes(tmp_path, words=WINDOW, long=7)  # five bytes are more than a token
    assert told.startswith(f"target '{TARGET}' takes in {WINDOW:,} tokens at most, by the model table")
    assert "7 of 60 examples are longer with the prompt as it is" in told


def test_more_tokens_than_a_model_gives_are_told(tmp_path: Path) -> None:
    source = {"model": "test/source", "price": {"input": 1, "output": 1}, "params": {"max_tokens": GIVES + 1}}
    (told,) = notes(tmp_path, source=source)
    assert f"gives {GIVES:,} tokens at most" in told and f"asked for up to {GIVES + 1:,}" in told
    own = {"model": TARGET, "params": {"max_tokens": GIVES}}
    path = write_task(tmp_path, source=source, target=own)
    assert not [note for note in plan(load_task(path)).notes if "asked for up to" in note]


@pytest.mark.parametrize(("target", "blind"), [(TARGET, True), ("openai/gpt-4o", False)])
def test_a_picture_for_a_model_that_is_not_said_to_see(target: str, blind: bool, tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "{{n}}"}}]
    prompt = {"messages": [{"role": "user", "content": parts}], "reply": {"labels": ["even", "odd"]}}
    path = write_task(tmp_path, target=target, prompt=prompt)
    rows = [{"n": f"https://example.com/{i}.png", "gold": "even" if i % 2 else "odd"} for i in range(60)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    told = [note for note in plan(load_task(path)).notes if "not said to read images" in note]
    assert len(told) == blind
