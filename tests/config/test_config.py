"""The task file: ten lines run, every mistake is answered with its line, and no secret gets in or out."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from optimizer.config import SCHEMA_FILE, ConstraintSettings, ObjectiveSettings, Settings, load_settings, task_schema
from optimizer.config.prompts import PromptSettings
from optimizer.errors import ConfigError
from optimizer.models.money.prices import Price
from optimizer.models.providers.reserved import SET_HERE
from optimizer.objective import Constraints, Objective
from optimizer.prompt.template import Var

TEN_LINES = """\
data: tickets.jsonl
prompt: "Classify this ticket: {{ticket}}"
source: openai/gpt-4o
target: openai/gpt-4o-mini
"""
EVERYTHING = """\
name: ticket-triage
data:
  path: [a.jsonl, b.csv]
  id: id
  fields: {ticket: body}
  expected: gold
  group: customer
  stratify: expected.urgency
  encoding: utf-8
  source: {output: answer, latency: s, input_tokens: in, output_tokens: out, cost: dollars}
prompt:
  messages:
    - {role: system, content: "Sort tickets. Never promise a refund."}
    - {role: user, content: "My parcel is late"}
    - {role: assistant, content: "high"}
    - {role: user, content: "{{ticket}}"}
  syntax: mustache
  protect: ["Never promise a refund."]
  reply: {kind: labels, labels: [low, high]}
source: {model: openai/gpt-4o, params: {temperature: 0, stop: ["\\n"]}}
targets:
  - &small
    model: openai/gpt-4o-mini
    api_base: http://localhost:8000/v1
    api_key_env: MY_KEY
    price: {input: 0.15, output: 0.6, cached_input: 0.075, reasoning: 0.6}
    limits: {concurrency: 4, rpm: 60, tpm: 100000}
    timeout: 30
    latency: provider
    family: gpt
  - {<<: *small, model: openai/gpt-4.1-nano}
proposer: anthropic/claude-x
judge: {model: mistral/large}
metrics:
  - exact_match
  - {name: my_metrics:tone, weight: 2, against: source, strictness: 3}
objective: {quality: 2, cost: 0, latency: 0.1}
constraints: {valid: 0.97, p95_latency: 2.5, cost_per_1000: 1, prompt_tokens: 900}
search: {space: wide, trials: 12, rounds: 2, calls_per_trial: 6, sampler: random, seed: 7}
split: {train: 0.1, validation: 0.4, test: 0.5, seed: 3}
decision: {margin: 0.02, confidence: 0.9}
budget: {dollars: 5, calls: 4000, minutes: 30}
"""


def task_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "task.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def prompt_of(settings: Settings) -> PromptSettings:
    assert settings.prompt
    return settings.prompt


def complaint(folder: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(task_file(folder, text))
    return str(caught.value)


def with_line(line: str) -> str:
    """A task file that is right but for `line`, which stands on line 5."""
    return TEN_LINES + line + "\n"


def test_four_lines_are_a_task_and_all_else_has_a_default(tmp_path: Path) -> None:
    folder = tmp_path / "ticket triage"
    folder.mkdir()
    settings = load_settings(task_file(folder, TEN_LINES))
    assert settings.name == "ticket triage"
    assert settings.data.path == ("tickets.jsonl",)
    assert [target.model for target in settings.targets] == ["openai/gpt-4o-mini"]
    assert settings.targets[0].limits.concurrency == 16
    assert settings.split.fractions == (0.2, 0.3, 0.5)
    assert (settings.search.trials, settings.search.rounds, settings.search.calls_per_trial) == (48, 4, 12)
    assert settings.objective.build() == Objective(quality=1.0, cost=0.02, latency=0.0)
    assert settings.constraints.build() == Constraints()
    assert (settings.decision.margin, settings.decision.confidence) == (0.05, 0.95)
    assert settings.budget.dollars is None
    assert settings.warnings == ()


def test_every_key_arrives_where_it_belongs(tmp_path: Path) -> None:
    settings = load_settings(task_file(tmp_path, EVERYTHING))
    first, second = settings.targets
    assert (first.model, second.model) == ("openai/gpt-4o-mini", "openai/gpt-4.1-nano")
    assert second.price == first.price and first.price is not None
    assert first.price.build() == Price(0.15, 0.6, cached_input=0.075, reasoning=0.6)
    assert (first.limits.concurrency, first.limits.rpm, first.limits.tpm) == (4, 60, 100_000)
    assert (first.latency, first.family, first.timeout, first.api_key_env) == ("provider", "gpt", 30, "MY_KEY")
    assert settings.source.params == {"temperature": 0, "stop": ["\n"]}
    assert [(m.name, m.weight, m.against, m.options) for m in settings.metrics] == [
        ("exact_match", 1, "auto", {}),
        ("my_metrics:tone", 2, "source", {"strictness": 3}),
    ]
    assert settings.constraints.build() == Constraints(0.97, 2.5, 1, 900)
    assert settings.data.source is not None and settings.data.source.latency == "s"
    assert settings.proposer is not None and settings.proposer.model == "anthropic/claude-x"
    prompt = prompt_of(settings).build({"temperature": 0})
    assert prompt.protected == ("Never promise a refund.",)
    assert [turn.role for turn in prompt.messages] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize("text", [TEN_LINES, EVERYTHING])
def test_settings_written_out_with_all_defaults_are_a_task_file_again(tmp_path: Path, text: str) -> None:
    settings = load_settings(task_file(tmp_path, text))
    assert load_settings(task_file(tmp_path, settings.to_yaml())) == settings
    assert Settings.model_validate(json.loads(json.dumps(settings.to_dict()))) == settings


def test_texts_that_look_like_numbers_or_span_lines_survive_the_round_trip(tmp_path: Path) -> None:
    user = "Line one: {{ticket}}\n\n  indented # no comment\ttab\nlast line without end"
    labels = ["1e-3", "null", "yes", "007", "~", "12:30", "true", "é😀", "- x", "'"]
    text = yaml.safe_dump(
        {"data": "x.jsonl", "prompt": {"user": user, "reply": {"labels": labels}}, "source": "a/b", "target": "c/d"}
    ).replace("1e-3", "'1e-3'")
    settings = load_settings(task_file(tmp_path, text))
    assert list(prompt_of(settings).reply.labels) == labels
    again = load_settings(task_file(tmp_path, settings.to_yaml()))
    assert again == settings and prompt_of(again).user == user


@pytest.mark.parametrize(
    ("reply", "kind", "metric"),
    [
        ("{}", "text", "token_f1"),
        ("{labels: [a, b]}", "labels", "label_accuracy"),
        ("{schema: {type: object}}", "json", "json_fields"),
        ("{kind: json}", "json", "json_fields"),
        ("{pattern: 'a+'}", "regex", "exact_match"),
    ],
)
def test_the_kind_of_reply_follows_from_its_keys_and_the_metric_from_the_kind(
    tmp_path: Path, reply: str, kind: str, metric: str
) -> None:
    text = TEN_LINES.replace('prompt: "', 'prompt:\n  user: "') + "# the reply\nmetrics:\n"
    settings = load_settings(task_file(tmp_path, text.replace("source:", f"  reply: {reply}\nsource:")))
    assert prompt_of(settings).reply.build().kind == kind
    assert [m.name for m in settings.metrics] == [metric]


def test_words_of_yaml_1_1_stay_the_labels_that_people_mean(tmp_path: Path) -> None:
    prompt = 'prompt: {user: "{{x}}", reply: {labels: [yes, no, on, 3, true, 12:30]}}'
    settings = load_settings(task_file(tmp_path, TEN_LINES.replace(TEN_LINES.splitlines()[1], prompt)))
    assert prompt_of(settings).reply.labels == ("yes", "no", "on", "3", "true", "12:30")


def test_small_numbers_without_a_point_are_numbers(tmp_path: Path) -> None:
    settings = load_settings(task_file(tmp_path, with_line("objective: {cost: 1e-3}")))
    assert settings.objective.cost == 0.001


def test_all_problems_come_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = with_line("search: {trails: 3,\n  rounds: 0.5}\nbudget:\n  dollars: -1").replace("openai/gpt-4o\n", "''\n")
    assert complaint(tmp_path, text).splitlines() == [
        "task.yaml: 4 problems",
        '  task.yaml:3: source.model: must be a text that is not empty, found the text ""',
        "  task.yaml:5: search.trails: unknown key. Did you mean 'trials'?",
        "  task.yaml:6: search.rounds: must be a whole number, found 0.5",
        "  task.yaml:8: budget.dollars: must be greater than 0, found -1",
    ]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("serach: {trials: 3}", "task.yaml:5: serach: unknown key. Did you mean 'search'?"),
        ("trials: 3", "task.yaml:5: trials: unknown key. Did you mean 'search.trials'?"),
        ("search: {trials: '40'}", 'task.yaml:5: search.trials: must be a whole number, found the text "40"'),
        ("search: {trials: true}", "task.yaml:5: search.trials: must be a whole number, found true"),
        (
            "search: {trials: 2, rounds: 3}",
            "task.yaml:5: search.rounds: 3 rounds need at least as many trials, found 2",
        ),
        (
            "search: {objectives: [quality]}",
            "task.yaml:5: search.objectives: two or three different ones are wanted, found ['quality']",
        ),
        (
            "search: {sampler: qmc, objectives: [quality, cost]}",
            "task.yaml:5: search.objectives: the sampler qmc does not learn from any, found ['quality', 'cost']; ",
        ),
        ("search: [1]", "task.yaml:5: search: must be a mapping of keys to values, found a list of 1"),
        ("search: {seed: -1}", "task.yaml:5: search.seed: must be 0 or more, found -1"),
        (
            "split: {train: 0.5}",
            "split: the fractions must add up to 1, found train 0.5 + validation 0.3 + test 0.5 = 1.3",
        ),
        ("split: {test: 0}", "task.yaml:5: split.test: must be greater than 0, found 0"),
        ("decision: {margin: .nan}", "task.yaml:5: .nan is no finite number"),
        ("decision: {margin: 1e999}", "task.yaml:5: 1e999 is no finite number"),
        ("decision: {confidence: 95}", "task.yaml:5: decision.confidence: must be less than 1, found 95"),
        ("constraints: {valid: 97}", "task.yaml:5: constraints.valid: must be 1 or less, found 97"),
        (
            "constraints: {temperature: 0}",
            "task.yaml:5: constraints.temperature: unknown key. Known here: ",
        ),
        ("metrics: {name: x, wieght: 2}", "task.yaml:5: metrics.wieght: unknown key. Did you mean 'weight'?"),
        ("metrics: [a, {weight: 2}]", "task.yaml:5: metrics.1.name: is missing: A metric's name"),
        ("metrics: {name: x, against: goald}", "must be one of 'gold', 'source' or 'auto', found the text \"goald\"."),
        ("judge: {modl: x/y}", "task.yaml:5: judge.modl: unknown key. Did you mean 'model'?"),
        ("judge: {model: x/y, params: {stream: true}}", "judge.params: 'stream' may not stand here: replies are read"),
        ("judge: {model: x/y, price: {input: 1}}", "task.yaml:5: judge.price.output: is missing"),
        ("judge: {model: x/y, price: {input: -1, output: 1}}", "judge.price.input: must be 0 or more, found -1"),
        ("judge: {model: x/y, api_base: localhost}", "judge.api_base: must be an address that begins with http://"),
        ("judge: {model: x/y, limits: {concurrency: 0}}", "judge.limits.concurrency: must be 1 or more, found 0"),
        ("judge: {model: 'x y'}", "judge.model: must be a text of the form"),
        ("name: ../up", "task.yaml:5: name: must be a text of the form"),
        ("targets: [a/b]", "task.yaml: give either `target` or `targets`, not both"),
        ("data: other.jsonl", "task.yaml:5: the key 'data' stands twice, first on line 1; remove one of them"),
        ("budget: !!python/object:os.system {}", "task.yaml:5: the tag 'tag:yaml.org,2002:python/object:os.system' is"),
        ("budget: {dollars: 1", "not valid YAML"),
        ("budget:\n\tdollars: 1", "task.yaml:6: not valid YAML"),
        ("--- 1", "task.yaml:5: a second document begins here"),
        ("judge: *unknown", "task.yaml:5: the alias *unknown stands before or inside what it means"),
        ("judge: {{judge}}", "task.yaml:5: a key must be plain text; a text that begins with { or [ must be quoted"),
    ],
)
def test_a_mistake_is_answered_with_place_value_and_way_out(tmp_path: Path, line: str, text: str) -> None:
    assert text in complaint(tmp_path, with_line(line))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("data: tickets.jsonl", "data: {}", "task.yaml:1: data: needs either `path` (a data file) or `hub`"),
        ("data: tickets.jsonl", "data: {path: a.csv, hub: o/n}", "task.yaml:1: data: needs either `path`"),
        (
            "data: tickets.jsonl",
            "data: {path: a.csv, encoding: latin-99}",
            "data.encoding: 'latin-99' is no text encoding",
        ),
        ("data: tickets.jsonl", "data: {path: a.csv, encoding: base64}", "data.encoding: 'base64' is no text encoding"),
        ("data: tickets.jsonl", "data: {path: a.csv, expected: [a]}", "data.expected: must be a column, or a mapping"),
        ("data: tickets.jsonl", "data: {path: a.csv, delimiter: ', '}", "data.delimiter: must be a text of at most 1"),
        ("data: tickets.jsonl", "data: {path: a.csv, source: {latency: s}}", "data.source.output: is missing: Column"),
        ("source: openai/gpt-4o\n", "", "task.yaml: source: is missing"),
        ("target: openai/gpt-4o-mini", "targets: []", "task.yaml:4: targets: must not be empty, found an empty list"),
        ("target: openai/gpt-4o-mini", "", "task.yaml: targets: is missing"),
        ("target: openai/gpt-4o-mini", "target: [a/b, c/d]", "target: is one model; a list of several is written as"),
        ("target: openai/gpt-4o-mini", "targets: [a/b, a/b]", "targets: 'a/b' stands twice; name each model once"),
        ("{{ticket}}", "ticket", "task.yaml:2: prompt: no variable found"),
        ('"Classify this ticket: {{ticket}}"', "{system: 'a {{x}}'}", "prompt: has a `system` message but no `user`"),
        ('"Classify this ticket: {{ticket}}"', "{user: '{{x}}', file: p.txt}", "prompt: needs exactly one of `user`"),
        ('"Classify this ticket: {{ticket}}"', "{user: '{{x}}', protect: y}", "prompt.protect: 'y' does not stand in"),
        ('"Classify this ticket: {{ticket}}"', "{user: '{x', syntax: f-string}", "prompt: f-string template: "),
        ('"Classify this ticket: {{ticket}}"', "{user: '{{x}}', syntax: mustach}", "Did you mean 'mustache'?"),
        (
            '"Classify this ticket: {{ticket}}"',
            "{user: '{{x}}', reply: {labels: [a]}}",
            "prompt.reply.labels: needs two",
        ),
        (
            '"Classify this ticket: {{ticket}}"',
            "{user: '{{x}}', reply: {pattern: '('}}",
            "prompt.reply.pattern: '(' is",
        ),
        (
            '"Classify this ticket: {{ticket}}"',
            "{user: '{{x}}', reply: {kind: text, labels: [a, b]}}",
            "prompt.reply: `labels` belongs to a reply of kind 'labels', but the kind is 'text'",
        ),
        (
            '"Classify this ticket: {{ticket}}"',
            "{user: '{{x}}', reply: {schema: {oneOf: []}}}",
            "prompt.reply.schema: the JSON-schema keyword 'oneOf' is not supported",
        ),
    ],
)
def test_what_must_agree_is_checked(tmp_path: Path, old: str, new: str, text: str) -> None:
    assert text in complaint(tmp_path, TEN_LINES.replace(old, new))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "task.yaml: must be a mapping of keys to values (data: ..., prompt: ...), found nothing"),
        (b"- a\n", "found a list"),
        (b"# caf\xe9\n", "task.yaml:1: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b"\xff\xfed\0", "task.yaml: is UTF-16, not UTF-8 text"),
        (b"data:\n\0", "task.yaml:2: holds a zero byte"),
        (b"a: " + b"x" * 1_000_000, "has 1,000,003 bytes, at most 1,000,000 are read"),
        (b"a: " + b"[" * 100 + b"]" * 100, "task.yaml:1: nested more than 50 levels deep"),
        (b"a: " + b"[" * 400_000, "task.yaml:1: nested more than 50 levels deep"),
        (b"a: &a [1, *a]\n", "task.yaml:1: the alias *a stands before or inside what it means"),
    ],
)
def test_files_that_are_no_task_files_are_refused(tmp_path: Path, text: bytes, message: str) -> None:
    assert message in complaint(tmp_path, text)


def test_an_alias_bomb_is_refused_before_it_costs_anything(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "more than 100,000 values, with aliases written out" in complaint(tmp_path, "\n".join(lines))


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; `promptport init DIR` writes one"):
        load_settings(tmp_path / "task.yaml")
    with pytest.raises(ConfigError, match="is a folder; name the task file in it"):
        load_settings(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = load_settings(task_file(tmp_path, TEN_LINES))
    assert load_settings(task_file(tmp_path, b"\xef\xbb\xbf" + TEN_LINES.replace("\n", "\r\n").encode())) == plain


@pytest.mark.parametrize("name", sorted({*SET_HERE, "api_key"}))
def test_what_a_model_would_refuse_the_task_file_refuses(tmp_path: Path, name: str) -> None:
    assert "judge.params" in complaint(tmp_path, with_line(f"judge: {{model: x/y, params: {{{name}: 1}}}}"))


SECRET = "sk-proj-4bcdEFGH1234ijklMNOP"  # noqa: S105 - of the form of one


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("judge: {model: a/b, api_key: hunter2}", "task.yaml:5: judge.api_key: keys come only from the environment"),
        ("judge: {model: a/b, params: {extra_headers: {Authorization: hunter2}}}", "extra_headers.Authorization: keys"),
        ("judge: {model: a/b, params: {aws_secret_access_key: hunter2}}", "aws_secret_access_key: keys come only"),
        (f"judge: {{model: a/b, api_key_env: {SECRET}}}", "judge.api_key_env: holds what looks like a secret"),
        ("judge: {model: a/b, api_key_env: hunter2-hunter2}", "judge.api_key_env: must be the name of an environment"),
        (
            "judge: {model: a/b, api_base: 'https://me:hunter2@host/v1'}",
            "judge.api_base: holds what looks like a secret",
        ),
        (
            "judge: {model: a/b, api_base: 'https://host/v1?api_key=hunter2'}",
            "judge.api_base: holds a key behind the '?'; take it out, and name its variable with `api_key_env`",
        ),
        (f"budget: {{dollars: {SECRET}}}", "task.yaml:5: budget.dollars: holds what looks like a secret"),
        ("name: AKIAIOSFODNN7EXAMPLE", "task.yaml:5: name: holds what looks like a secret"),
        (f"{SECRET}: 3", "unknown key"),
    ],
)
def test_secrets_are_refused_and_never_shown(tmp_path: Path, line: str, place: str) -> None:
    text = complaint(tmp_path, with_line(line))
    assert place in text
    assert not re.search(f"hunter2|{SECRET[8:]}|AKIAIO", text)


def test_a_key_inside_the_prompt_is_a_secret_too(tmp_path: Path) -> None:
    text = complaint(tmp_path, TEN_LINES.replace("Classify", f"Use {SECRET} and classify"))
    assert text.startswith("task.yaml:2: prompt: holds what looks like a secret") and SECRET not in text


def test_everyday_words_are_no_secrets(tmp_path: Path) -> None:
    line = "judge: {model: hf/Qwen-tokens-password, params: {max_tokens: 9, logit_bias: {50256: -100}}}"
    text = with_line(line).replace("Classify", "The risk-management-department-of-2024 keeps the API key secret:")
    settings = load_settings(task_file(tmp_path, text))
    assert settings.judge is not None and settings.judge.params == {"max_tokens": 9, "logit_bias": {"50256": -100}}


def test_few_trials_alone_mean_as_few_rounds(tmp_path: Path) -> None:
    assert load_settings(task_file(tmp_path, TEN_LINES + "search: {trials: 2}\n")).search.rounds == 2


def test_source_as_target_is_allowed_with_a_warning(tmp_path: Path) -> None:
    settings = load_settings(task_file(tmp_path, TEN_LINES.replace("-mini", "") + "judge: openai/gpt-4o\n"))
    assert len(settings.warnings) == 4
    for told in ("the source itself", "is also the source", "is also a target", "the judge is never asked"):
        assert any(told in warning for warning in settings.warnings)


def test_prompt_and_schema_files_are_read_into_the_settings(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_bytes(b"\xef\xbb\xbfSort this.\r\n\r\n{{ticket}}\r\n")
    (tmp_path / "reply.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}', "utf-8")
    prompt = "prompt: {file: prompt.txt, reply: {schema: reply.json}}"
    settings = load_settings(task_file(tmp_path, TEN_LINES.replace(TEN_LINES.splitlines()[1], prompt)))
    assert [(turn.role, turn.content) for turn in prompt_of(settings).messages] == [
        ("user", "Sort this.\n\n{{ticket}}")
    ]
    assert prompt_of(settings).reply.build().schema == {"type": "object", "properties": {"a": {"type": "string"}}}
    (tmp_path / "prompt.txt").unlink()
    (tmp_path / "reply.json").unlink()
    assert load_settings(task_file(tmp_path, settings.to_yaml())) == settings


def test_a_prompt_file_of_messages_becomes_chat_turns(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be {brief}."}, {"role": "user", "content": "{{ticket}}"}]
    (tmp_path / "prompt.json").write_text(json.dumps({"messages": turns}), "utf-8")
    settings = load_settings(
        task_file(tmp_path, TEN_LINES.replace(TEN_LINES.splitlines()[1], "prompt: {file: prompt.json}"))
    )
    prompt = prompt_of(settings).build()
    assert prompt.messages[0].content.segments == ("Be {brief}.",)
    assert prompt.messages[1].content.segments == (Var("ticket"),)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "prompt.json: no such file; paths start from the task file's folder"),
        (b'[{"role": "user",}]', "prompt.file: prompt.json, line 1: not valid JSON"),
        (b"3", "prompt.file: prompt.json must hold a list of messages"),
        (b"\xff", "task.yaml:2: prompt.file: prompt.json:1: byte 0xff is not UTF-8"),
        (b'[{"role": "usr", "content": "{{x}}"}]', "task.yaml:2: prompt.messages.0.role: must be one of"),
    ],
)
def test_prompt_files_that_cannot_be_used_are_explained(tmp_path: Path, content: bytes | None, text: str) -> None:
    if content is not None:
        (tmp_path / "prompt.json").write_bytes(content)
    assert text in complaint(tmp_path, TEN_LINES.replace(TEN_LINES.splitlines()[1], "prompt: {file: prompt.json}"))


def test_the_shipped_schema_is_that_of_the_settings() -> None:
    shipped = json.loads(SCHEMA_FILE.read_text("utf-8"))
    assert shipped == task_schema(), 'stale: python -c "from optimizer.config import write_schema; write_schema()"'
    jsonschema.Draft202012Validator.check_schema(shipped)


@pytest.mark.parametrize("text", [TEN_LINES, EVERYTHING])
def test_the_schema_accepts_what_the_program_accepts(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), task_schema())


@pytest.mark.parametrize(
    "line", ["serach: {trials: 3}", "search: {trails: 3}", "decision: {margin: 2}", "targets: [a/b]"]
)
def test_the_schema_refuses_what_the_program_refuses(line: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(with_line(line)), task_schema())


@pytest.mark.parametrize(("section", "value"), [(ObjectiveSettings, Objective), (ConstraintSettings, Constraints)])
def test_sections_and_the_values_they_build_have_the_same_fields_and_defaults(section: Any, value: Any) -> None:
    assert {name: info.default for name, info in section.model_fields.items()} == {
        f.name: f.default for f in fields(value)
    }


STREAMED = "{model: openai/%s, api_base: 'http://h/v1', latency: first_token}"


def clocks(tmp_path: Path, source: str, target: str, more: str = "") -> tuple[str, ...]:
    text = TEN_LINES.replace("source: openai/gpt-4o", f"source: {source}")
    text = text.replace("target: openai/gpt-4o-mini", f"target: {target}")
    return load_settings(task_file(tmp_path, text + more)).warnings


def test_the_time_to_the_first_token_is_said_and_set_against_its_like_only(tmp_path: Path) -> None:
    old, new = STREAMED % "old", STREAMED % "new"

    (same,) = clocks(tmp_path, old, new)
    (other,) = clocks(tmp_path, "openai/gpt-4o", new)
    assert same == "latency of openai/new, as of the source, is the time until the first token of the reply came"
    assert "until the first token of the reply came, that of the source the time until the whole reply came" in other
    assert "do not compare; give both the same `latency`" in other


def test_a_recorded_source_s_latency_should_be_that_of_the_first_token_too(tmp_path: Path) -> None:
    recorded = "data: {path: tickets.jsonl, expected: queue, source: {output: answer, latency: s}}\n"
    text = re.sub(r"^data:.*\n(?:  .*\n)*", recorded, TEN_LINES, flags=re.MULTILINE)
    text = text.replace("target: openai/gpt-4o-mini", f"target: {STREAMED % 'new'}")

    (told,) = load_settings(task_file(tmp_path, text)).warnings
    assert "first token of the reply came: the source's, as recorded, should be the same" in told


@pytest.mark.parametrize(
    "target", ["{model: openai/gpt-4o-mini, latency: first_token}", STREAMED.replace("openai", "x")]
)
def test_the_first_token_is_told_by_servers_of_one_protocol(target: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"target\.latency: first_token needs a server that speaks OpenAI's") as told:
        clocks(tmp_path, "openai/gpt-4o", target.replace("%s", "new"))
    assert "openai/MODEL or hosted_vllm/MODEL, with its `api_base`" in str(told.value)
