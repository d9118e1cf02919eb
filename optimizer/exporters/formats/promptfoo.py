"""promptfoo: the prompt with its held-out examples as regression tests.

promptfoo reads a value of a test more than once: it fills `{{name}}` into values too, drops a last new line, opens what
begins with `file://`. A variable with such values is written as JSON and read back by `{{ name | load }}`.

Of the parameters it sends on those that it knows, and fills `{{name}}` into tools and response formats too. Where its
provider has a way past that (`passthrough`), that is taken.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optimizer.config.terms import Terms
from optimizer.config.yamlfile import write_yaml
from optimizer.errors import ExportError
from optimizer.evaluate import score
from optimizer.exporters.bundle.evidence import section_of
from optimizer.exporters.formats.jinja import engine, fill, jinja
from optimizer.exporters.formats.regression import asks_nobody
from optimizer.exporters.names import SIMULATED, asked_directly, provider_of
from optimizer.exporters.rendering import faithful, identifiers, substituted
from optimizer.exporters.shipment import Export, Shipment, plain
from optimizer.metrics import build_metric
from optimizer.pricing import OFFLINE_PREFIX, price_of
from optimizer.prompt.contract import Contract
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.records import as_json
from optimizer.results.records import plain as as_plain
from optimizer.types import Params

_UNSAFE = re.compile(r"\{[{%#]|\n\Z|\A(file|package|https?)://?", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"\{\{[^}]*\benv[.\[]")  # filled in when the configuration is read
_PROVIDERS = {
    "anthropic": "anthropic:messages:",
    "azure": "azure:chat:",
    "bedrock": "bedrock:",
    "deepseek": "deepseek:",
    "gemini": "google:",
    "groq": "groq:",
    "mistral": "mistral:",
    "ollama": "ollama:chat:",
    "openai": "openai:chat:",
    "openrouter": "openrouter:",
    "vertex_ai": "vertex:",
    "xai": "xai:",
}
_METRIC = '''"""The task's own metric as a promptfoo assertion; the Python that promptfoo runs needs promptport."""

from pathlib import Path

from optimizer.exporters.formats.regression import held_to


def get_assert(output, context):
    return held_to(Path(__file__).with_name("scoring.json"), output, context["config"]["example"])
'''


def promptfoo(shipment: Shipment) -> Export:
    """promptfoo: prompt, provider, and the held-out examples as tests with the task's metric, cost and latency."""
    migration, result = shipment.migration, shipment.result
    if migration is None or result is None:
        raise ExportError("promptfoo: a bundle holds no examples to test with; export from the run directory")
    turns = plain(shipment, "promptfoo", tools=True)
    identifiers(shipment, "promptfoo")
    coded = {
        n for n in shipment.variables if any(_UNSAFE.search(shipment.texts(e.inputs)[n]) for e in shipment.examples)
    }
    messages = jinja(turns, lambda name: f"{{{{ {name} | load }}}}" if name in coded else f"{{{{ {name} }}}}")
    filled = fill(engine())
    notes = faithful(
        shipment, "promptfoo", substituted(messages, lambda text, values: filled(text, _values(values, coded)))
    )
    provider, remarks = _provider(shipment, migration)
    tests = list(_tests(shipment, migration, result, coded))
    config = {
        "description": f"{shipment.name} for {shipment.model}, by promptport",
        "prompts": [{"id": "file://prompt.json", "label": shipment.slug}],
        "providers": [provider],
        "defaultTest": {"assert": _limits(migration, result)},
        "tests": "file://tests.json",
        "evaluateOptions": {"cache": False},
    }
    files = {
        "promptfooconfig.yaml": write_yaml(config),
        "prompt.json": as_json(messages, sort=False),
        "tests.json": as_json(tests, sort=False),
        "metric.py": _METRIC,
        "scoring.json": as_json(_scoring(migration, shipment.contract, tests), sort=False),
    }
    return Export(files, (*notes, *remarks, *_left_out(migration)))


def _values(values: Mapping[str, str], coded: set[str]) -> dict[str, str]:
    return {name: _coded(value) if name in coded else value for name, value in values.items()}


def _coded(value: str) -> str:
    """JSON without a brace, so that nothing in it is a template."""
    return json.dumps(value, ensure_ascii=False).replace("{", "\\u007b")


def _tests(shipment: Shipment, migration: Migration, result: TargetResult, coded: set[str]) -> Iterator[dict[str, Any]]:
    """A test asks for no less than the winner scored there when it was confirmed."""
    specs = [spec for spec in Terms.of(migration.settings).metrics if asks_nobody(spec.name)]
    outputs = {output.example_id: output for output in result.confirmation.winner.outputs}
    references = {output.example_id: output for output in migration.baseline}
    metric = build_metric(specs, shipment.contract) if specs else None
    for example in shipment.examples:
        output = outputs[example.id]
        if output.status == "failed":
            continue
        least = score([example], [output], references, metric).scores[0].value if metric else None
        held = {"type": "python", "value": "file://metric.py", "metric": "quality"}
        test: dict[str, Any] = {"description": example.id, "vars": _values(shipment.texts(example.inputs), coded)}
        if least is not None:
            test["assert"] = [{**held, "config": {"example": example.id, "least": least}}]
        yield test


def _scoring(migration: Migration, contract: Contract, tests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All that `regression.held_to` needs of the run."""
    replies = {output.example_id: output for output in migration.baseline}
    least = {test["description"]: test["assert"][0]["config"]["least"] for test in tests if "assert" in test}
    specs = [spec for spec in Terms.of(migration.settings).metrics if asks_nobody(spec.name)]
    return {
        "metrics": [
            {"name": s.name, "weight": s.weight, "against": s.against, "options": as_plain(s.options)} for s in specs
        ],
        "reply": contract.to_dict(),
        "examples": {
            identity: {
                "inputs": as_plain(migration.examples[identity].inputs),
                "expected": migration.examples[identity].expected,
                "reference": as_plain(replies.get(identity)),
                "least": value,
            }
            for identity, value in least.items()
        },
    }


def _limits(migration: Migration, result: TargetResult) -> list[dict[str, Any]]:
    """A quarter more than the dearest held-out answer; twice the 95th percentile of their latencies.

    Both sides of the limit on cost are reckoned by what promptfoo knows, tokens in and out: what was paid may have had
    a discount (for what a provider remembered of the prompt, say) that the same answer has not got again.
    """
    met = result.confirmation.winner
    if not met.answered:
        return []
    price, usage = price_of(section_of(migration, result.model)), "context.providerResponse.tokenUsage"
    dearest = max(o.input_tokens * price.input + o.output_tokens * price.output for o in met.answered) / 1e6
    most = 1.25 * (dearest + price.call)
    dollars = f"({usage}.prompt * {price.input:g} + {usage}.completion * {price.output:g}) / 1e6"
    dollars += f" + {price.call:g}" if price.call else ""
    return [
        {"type": "javascript", "value": f"{dollars} <= {most:.6g}", "metric": "cost"},
        {"type": "latency", "threshold": max(1000, math.ceil(2000 * met.p95_latency)), "metric": "latency"},
    ]


def _provider(shipment: Shipment, migration: Migration) -> tuple[dict[str, Any], tuple[str, ...]]:
    section = section_of(migration, shipment.model)
    vendor, name = provider_of(shipment.model)
    simulated = shipment.model.startswith(OFFLINE_PREFIX)
    config = _sent(asked_directly(shipment.model, shipment.params), past=simulated or vendor in ("openai", ""))
    if simulated:
        config |= {"apiBaseUrl": SIMULATED, "apiKeyRequired": False}
        return {"id": f"openai:chat:{name}", "config": config}, ("start `promptport serve` for the simulated model",)
    if section.api_base:
        config |= {"apiBaseUrl": section.api_base, "apiKeyRequired": section.api_key_env is not None}
    if section.api_key_env:
        config["apiKeyEnvar"] = section.api_key_env
    if vendor == "openai" or not vendor:
        return {"id": f"openai:chat:{name}", "config": config}, ()
    prefix = _PROVIDERS.get(vendor)
    told = f"parameters are by OpenAI's names; see promptfoo's page on {vendor} for those of its provider"
    return {"id": f"{prefix}{name}" if prefix else f"litellm:{shipment.model}", "config": config}, (told,)


def _sent(params: Params, *, past: bool) -> dict[str, Any]:
    """A provider's settings that send these parameters as they are: `past` promptfoo's own reading of them, where the
    provider is OpenAI's. Tools with a `$ref` have to be read: it is left alone there, and nowhere else."""
    read = {name: value for name, value in params.items() if not past or (name == "tools" and _refers(value))}
    others = {name: value for name, value in params.items() if name not in read}
    filled = [read[name] for name in ("tools", "response_format") if name in read]
    if _ENVIRONMENT.search(_json(params)) or _UNSAFE.search(_json(filled)) or _refers({**params, "tools": None}):
        raise ExportError(
            "promptfoo: what the request says beside its messages holds a `$ref`, or text that looks like a template, "
            "which promptfoo would resolve; use --as openai or bundle"
        )
    return {"omitDefaults": True, "showThinking": False, **({"passthrough": others} if others else {}), **read}


def _refers(value: Any) -> bool:
    return '"$ref":' in _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _left_out(migration: Migration) -> Iterator[str]:
    yield "metric.py needs promptport: PROMPTFOO_PYTHON names the Python that has it"
    lost = [spec.name for spec in Terms.of(migration.settings).metrics if not asks_nobody(spec.name)]
    if lost:
        yield f"left out, since they ask a model of the task file: the metrics {', '.join(lost)}"
