"""Spans of a run by OpenTelemetry's own SDK: what they tell, and what they never tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import ModelError
from optimizer.models import bridge
from optimizer.models.scripted import ScriptedModel
from optimizer.operations.tracing import Traced, traced
from optimizer.types import Message, Request, Response
from tests.e2e.tools.runs import small_task

pytest.importorskip("opentelemetry.sdk")

QUESTION = Request((Message("user", "a secret question"),), {"temperature": 0.5, "max_tokens": 9, "stop": ["x"]})


@pytest.fixture
def memory() -> tuple[Any, Any]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def test_a_call_is_a_span_by_the_conventions_for_generative_ai(memory: tuple[Any, Any]) -> None:
    provider, exporter = memory

    class Answering(ScriptedModel):
        async def complete(self, request: Request) -> Response:
            return Response("a secret answer", 12, 3, 0.25, 1.5, "gpt-4o-2024", "length")

    with traced("demo", provider) as around:
        answer = bridge.run(around(Answering(lambda _: "", name="openai/gpt-4o")).complete(QUESTION))

    call, run = exporter.get_finished_spans()
    assert answer.text == "a secret answer"
    assert (run.name, dict(run.attributes)) == ("promptport run", {"promptport.task": "demo"})
    assert (call.name, call.kind.name, call.parent.span_id) == ("chat gpt-4o", "CLIENT", run.context.span_id)
    assert dict(call.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "promptport.cost_usd": 0.25,
        "promptport.latency_s": 1.5,
    }
    assert "secret" not in call.to_json() + run.to_json()


def test_a_call_that_fails_says_how_and_no_more(memory: tuple[Any, Any]) -> None:
    provider, exporter = memory

    class Failing(ScriptedModel):
        async def complete(self, request: Request) -> Response:
            raise ModelError("with a secret in it", model="m", status=429, retryable=True)

    model = Traced(Failing(lambda _: "", name="m"), provider.get_tracer("t"))
    with pytest.raises(ModelError):
        bridge.run(model.complete(QUESTION))

    [call] = exporter.get_finished_spans()
    assert (call.attributes["error.type"], call.status.status_code.name) == ("429", "ERROR")
    assert "secret" not in call.to_json()


def test_a_traced_run_sends_a_span_for_every_call_that_was_made(tmp_path: Path) -> None:
    search = {"space": "quick", "trials": 2, "rounds": 1, "calls_per_trial": 2}
    task = small_task(tmp_path, rows=30, search=search)
    command = [
        sys.executable,
        "-m",
        "optimizer",
        "run",
        str(task),
        "--json",
        "--trace",
        "--run-dir",
        str(tmp_path / "r"),
    ]
    variables = {**os.environ, "OTEL_TRACES_EXPORTER": "console"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=True)

    assert json.loads(done.stdout)["calls"] > 0
    assert done.stderr.count('"name": "promptport run"') == 1
    assert done.stderr.count('"name": "chat sim-') == json.loads(done.stdout)["calls"]
