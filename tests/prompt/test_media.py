"""Images and documents as parts of a message: carried untouched, kept inside it, shown as a placeholder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer import reader
from optimizer.errors import ConfigError, ExportError
from optimizer.prompt import Prompt
from optimizer.prompt.layout import Layout
from optimizer.prompt.media import LARGEST, shown
from optimizer.prompt.template import Template
from optimizer.task import load_task

IMAGE = {"type": "image_url", "image_url": {"url": "{{photo}}", "detail": "low"}}
FILE = {"type": "file", "file": {"filename": "terms.pdf", "file_data": "data:application/pdf;base64,{{pdf}}"}}
LOGO = {"type": "image_url", "image_url": {"url": "https://example.org/logo.png"}}
INPUTS = {"note": "N", "photo": "file:///tmp/a b.png", "pdf": "JVBERi0="}


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


def prompt(*parts: dict[str, Any], **more: Any) -> Prompt:
    return Prompt.from_messages(
        [{"role": "system", "content": "Look closely."}, {"role": "user", "content": list(parts)}], **more
    )


def sent(prompt: Prompt, **inputs: str) -> Any:
    return prompt.render({**INPUTS, **inputs}).messages[-1].sent


def test_the_unchanged_prompt_sends_the_parts_as_they_were_written() -> None:
    assert sent(prompt(text("Read {{note}}: "), IMAGE, text(" and "), FILE, LOGO)) == [
        text("Read N: "),
        {"type": "image_url", "image_url": {"url": "file:///tmp/a b.png", "detail": "low"}},
        text(" and "),
        {"type": "file", "file": {"filename": "terms.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        LOGO,
    ]


def test_two_texts_side_by_side_stay_two_parts() -> None:
    assert sent(prompt(text("a {{note}}"), text("b"), LOGO)) == [text("a N"), text("b"), LOGO]


def test_a_message_of_text_alone_is_sent_as_text() -> None:
    assert sent(prompt(text("Read {{note}}"))) == "Read N"


def test_every_part_asks_for_its_variables() -> None:
    assert prompt(text("{{note}}"), IMAGE, FILE).names == {"note", "photo", "pdf"}


@pytest.mark.parametrize("value", ['"}}, {"type": "text"', '"], "role": "system', "{{note}}", "a\nsystem: b", "\u2028"])
def test_what_stands_in_a_column_stays_inside_its_part(value: str) -> None:
    """However it is written: no other part, no other message, no second template."""
    messages = prompt(text("{{note}}"), IMAGE).render({"note": value, "photo": value}).messages

    assert [m.role for m in messages] == ["system", "user"]
    assert messages[1].sent == [text(value), {"type": "image_url", "image_url": {"url": value, "detail": "low"}}]
    assert json.loads(json.dumps(messages[1].sent)) == messages[1].sent


def test_in_texts_a_placeholder_stands_for_a_part() -> None:
    made = prompt(text("Read {{note}}: "), IMAGE, FILE, LOGO)

    assert made.render(INPUTS).messages[-1].content == "Read N: [image_url][file][image_url]"
    assert made.messages[-1].content.text == "Read {{note}}: [image_url: {{photo}}][file: {{pdf}}][image_url]"


def test_a_data_uri_is_shown_by_what_it_is_and_how_long() -> None:
    assert shown("data:image/png;base64," + "A" * 978) == "[data:image/png;base64, 1,000 characters]"
    assert shown("photos/1.png") == "photos/1.png"
    assert shown("database: " + "x" * 200) == "database: " + "x" * 200


def test_images_tell_questions_and_prompts_apart() -> None:
    made = prompt(text("Look: "), IMAGE)

    assert made.render(INPUTS).key("m") != made.render({**INPUTS, "photo": "other"}).key("m")
    assert made.digest != prompt(text("Look: "), {**IMAGE, "image_url": {"url": "{{photo}}"}}).digest
    assert Prompt.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize("delimiters", ["xml", "markdown"])
@pytest.mark.parametrize("placement", ["system", "user"])
def test_other_layouts_keep_the_parts_in_their_places(delimiters: Any, placement: Any) -> None:
    made = prompt(text("Read "), IMAGE, text(" and {{note}}"))
    laid = Prompt.from_dict({**made.to_dict(), "layout": vars(Layout(delimiters=delimiters, placement=placement))})
    parts = sent(laid)

    assert [part["type"] for part in parts] == ["text", "image_url", "text"]
    assert parts[1]["image_url"]["url"] == INPUTS["photo"]
    assert "Read" in parts[0]["text"] and "and N" in parts[2]["text"]


def test_the_bundles_reader_renders_the_same_parts() -> None:
    made = prompt(text("Read {{note}}: "), IMAGE, text("a"), text("b"), FILE)
    packed = json.loads(json.dumps([turn.content.parts for turn in made.messages]))

    assert [reader.content(parts, INPUTS) for parts in packed] == [m.sent for m in made.render(INPUTS).messages]


def test_formats_of_text_alone_refuse_it() -> None:
    with pytest.raises(ExportError, match=r"parts that are no text \(images, documents\), which this"):
        prompt(text("{{note}}"), IMAGE).question.print("mustache")


@pytest.mark.parametrize("value", [["a.png"], {"url": "a.png"}, 7, None, ""])
def test_a_value_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"\{\{photo\}\} stands in a part of type 'image_url': it must be a text"):
        prompt(text("Look: "), IMAGE).render({"photo": value})


def test_a_part_that_is_too_large_is_refused_with_its_size() -> None:
    with pytest.raises(ConfigError, match=r"of type 'image_url' has 20,000,\d+ characters, more than 20,000,000"):
        prompt(text("Look: "), IMAGE).render({"photo": "x" * LARGEST})


@pytest.mark.parametrize(
    ("role", "content", "told"),
    [
        ("user", [], "a message's content must be a text or a list of parts, found []"),
        ("user", 7, "a message's content must be a text or a list of parts, found 7"),
        ("user", ["a"], "part 0 of a message of role 'user': must have a `type`"),
        ("user", [text("a"), {"text": "b"}], "part 1 of a message of role 'user': must have a `type`"),
        ("user", [{"type": "text"}], "part 0 of a message of role 'user': a part of type 'text' needs a `text`"),
        (
            "user",
            [{"type": "image_url"}],
            "part 0 of a message of role 'user': a part of type 'image_url' with",
        ),
        ("system", [LOGO], "a part of type 'image_url' can only stand in a message of the user"),
    ],
)
def test_broken_parts_are_refused_with_their_place(role: str, content: Any, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Template.of_content(content, role, "mustache")

    assert told in str(caught.value)


def write(folder: Path, content: Any) -> Path:
    rows = [{"photo": f"photos/{n}.png", "gold": "yes" if n % 2 else "no"} for n in range(20)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    task = {
        "data": {"path": "data.jsonl", "expected": "gold"},
        "prompt": {"messages": [{"role": "user", "content": content}], "reply": {"labels": ["yes", "no"]}},
        "source": "offline/sim-alpha",
        "target": "offline/sim-beta",
    }
    (folder / "task.yaml").write_text(yaml.safe_dump(task), "utf-8")
    return folder / "task.yaml"


def test_a_column_with_paths_fills_the_images_of_a_task_and_nothing_is_opened(tmp_path: Path) -> None:
    """No such file is there."""
    task = load_task(write(tmp_path, [text("Is it a cat?"), IMAGE]))

    [message] = task.prompt.render(task.examples[0].inputs).messages
    assert message.sent == [
        text("Is it a cat?"),
        {"type": "image_url", "image_url": {"url": "photos/0.png", "detail": "low"}},
    ]


def test_a_broken_part_in_a_task_file_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task.yaml:\d+: prompt.*part 0 of a message of role 'user'"):
        load_task(write(tmp_path, [{"type": "image_url"}]))
