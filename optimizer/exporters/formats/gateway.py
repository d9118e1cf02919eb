"""The cutover behind a LiteLLM proxy: source and target under one alias, each with its own prompt.

    config.yaml               deployments with weights, the fallback to the source, the hook
    promptport_ALIAS.py       the hook: renders each deployment's prompt (why not LiteLLM's prompt files: gateway.md)
    promptport_ALIAS/         source.json, target.json, reader.py, cutover.json; a file `back` here: all to the source

A share is that of the target. "shadow" answers with the source alone and sends the target a copy of each request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from optimizer import reader
from optimizer.config.yamlfile import write_yaml
from optimizer.errors import ConfigError, ExportError
from optimizer.exporters.bundle.making import as_bundle, faithful
from optimizer.exporters.names import SIMULATED
from optimizer.exporters.shipment import Export, Shipment
from optimizer.models.money.prices import RATES, listed
from optimizer.pricing import OFFLINE_PREFIX
from optimizer.prompt import Prompt
from optimizer.prompt.suite import Suite
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.records import as_json
from optimizer.search.trial import SearchResult, Trial

SHADOW = "shadow"
_HOOK = Path(__file__).with_name("gateway_hook.py")
_SPOKEN = ("format", "name", "model", "messages", "examples", "variables", "parameters", "reply")


def gateway(shipment: Shipment, share: str = "1%") -> Export:
    """A LiteLLM proxy's configuration for the cutover: traffic weights, a prompt for each model, the way back."""
    weight = percent(share)
    migration, result = shipment.migration, shipment.result
    if migration is None or result is None or migration.prompt is None:
        raise ExportError("gateway: both models and their prompts are needed; give the run directory, not a bundle")
    if isinstance(shipment.prompt, Suite) or isinstance(migration.prompt, Suite):
        raise ExportError("gateway: a program of several prompts is not one request; use --as bundle and serve it")
    alias, stem = shipment.slug, module_name(shipment.slug)
    prompts = {
        "source": _spoken(migration, _as_it_was(migration.prompt, result), migration.source),
        "target": _spoken(migration, result, result.model),
    }
    sections = _sections(migration, result)
    models = {side: _deployment(sections[side]) for side in sections}
    facts = {"alias": alias, "source": migration.source, "target": result.model, "share": share}
    files = {
        "config.yaml": _commented(write_yaml(_config(alias, stem, models, weight)), alias, stem, share),
        f"{stem}.py": _HOOK.read_text("utf-8"),
        f"{stem}/cutover.json": as_json(facts),
        f"{stem}/reader.py": Path(reader.__file__).read_text("utf-8"),
        **{f"{stem}/{side}.json": as_json(bundle) for side, bundle in prompts.items()},
    }
    return Export(files, tuple(_notes(alias, stem, sections, prompts)))


def percent(share: str) -> float | None:
    """The target's weight out of 100; None for a shadow. Raises ConfigError."""
    if share.strip().lower() == SHADOW:
        return None
    if not re.fullmatch(r"\s*\d+(\.\d+)?\s*%?\s*", share) or float(share.strip().removesuffix("%")) > 100:
        raise ConfigError(f"--share: {share!r} is no share of the traffic; write shadow, or a percentage, as in 10%")
    return float(share.strip().removesuffix("%"))


def module_name(alias: str) -> str:
    """LiteLLM finds the hook by a module's name, which has no dashes."""
    return f"promptport_{re.sub(r'[^0-9A-Za-z]', '_', alias)}"


def _as_it_was(prompt: Prompt, result: TargetResult) -> TargetResult:
    """The prompt in use, in the form of a result."""
    return replace(result, search=SearchResult((Trial(0, 0, {}, "complete", prompt),), 0, "in use"))


def _spoken(migration: Migration, result: TargetResult, model: str) -> dict[str, Any]:
    """What the hook needs of a bundle; proven to render as scored."""
    bundle, prompt = as_bundle(migration, result), result.search.winner.prompt
    faithful(bundle, prompt, [migration.examples[identity] for identity in migration.split["test"]])
    return {key: bundle[key] for key in _SPOKEN if key in bundle} | {
        "model": model,
        "parameters": dict(prompt.sent),
    }


def _sections(migration: Migration, result: TargetResult) -> dict[str, Mapping[str, Any]]:
    """The task file's sections on both models."""
    targets = migration.settings["targets"]
    return {
        "source": migration.settings["source"],
        "target": next(section for section in targets if section["model"] == result.model),
    }


def _deployment(section: Mapping[str, Any]) -> dict[str, Any]:
    """LiteLLM's parameters of one model. Keys stay in the proxy's environment."""
    model = section["model"]
    if model.startswith(OFFLINE_PREFIX):
        return {"model": f"openai/{model.removeprefix(OFFLINE_PREFIX)}", "api_base": SIMULATED, "api_key": "none"}
    params: dict[str, Any] = {"model": model}
    if section.get("api_base"):
        params |= {"api_base": section["api_base"], "api_key": "none"}
    if section.get("api_key_env"):
        params["api_key"] = f"os.environ/{section['api_key_env']}"
    return {**params, **_prices(section), "timeout": section.get("timeout", 60.0)}


def _prices(section: Mapping[str, Any]) -> dict[str, Any]:
    """What the proxy does not know by itself, so that its logs and budgets do not count such calls as free: prices that
    the task file states, and those of the model behind an alias. (LiteLLM's own `base_model` finds few of these.)"""
    if section.get("priced_as"):
        return listed(section["priced_as"])
    by_the_hour = {"input": 0.0, "output": 0.0} if section.get("provisioned") else {}
    price = section.get("price") or by_the_hour
    return {name: price[ours] / 1e6 for ours, name in RATES.items() if price.get(ours) is not None}


def _config(alias: str, stem: str, models: Mapping[str, dict[str, Any]], weight: float | None) -> dict[str, Any]:
    """The alias with its weights, and each side under a name of its own: for the fallback, the shadow and for tests."""
    shadow = {"silent_model": f"{alias}-target"} if weight is None else {}
    shares = {"source": 100 - (weight or 0), "target": weight or 0}
    mixed = [
        _entry(alias, alias, side, {**models[side], **(shadow if side == "source" else {}), "weight": share}, "mixed")
        for side, share in shares.items()
        if share
    ]
    return {
        "model_list": [*mixed, *(_entry(f"{alias}-{side}", alias, side, models[side], "alone") for side in models)],
        "router_settings": {
            "routing_strategy": "simple-shuffle",
            "num_retries": 0,
            "fallbacks": [{alias: [f"{alias}-source"]}],
        },
        "litellm_settings": {"callbacks": [f"{stem}.prompts"]},
    }


def _entry(name: str, alias: str, side: str, params: dict[str, Any], kind: str) -> dict[str, Any]:
    info = {"id": f"{alias}-{side}" if kind == "mixed" else f"{alias}-{side}-{kind}", "promptport": f"{alias}/{side}"}
    return {"model_name": name, "litellm_params": params, "model_info": info}


def _commented(config: str, alias: str, stem: str, share: str) -> str:
    return (
        f"# The cutover of {json.dumps(alias)}, share of the target: {share}. Written by promptport; start it with\n"
        "#   litellm --config config.yaml\n"
        "# or name it under `include` in your own configuration in this folder, and put the hook among its callbacks.\n"
        f"# Back to the source, at once and without a restart:  touch {stem}/back   (forward again: rm {stem}/back)\n"
        f"{config}"
    )


def _notes(
    alias: str, stem: str, sections: Mapping[str, Mapping[str, Any]], prompts: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    notes = [
        f'ask the alias {alias!r} with "prompt_variables": {{...}}; messages are made by the proxy',
        f"the way back, at once: touch {stem}/back",
    ]
    if prompts["source"]["reply"] != prompts["target"]["reply"]:
        notes.append(
            "the two prompts have replies of different forms: read each by the side that answered, which the header "
            f"x-litellm-model-id tells ({alias}-source or {alias}-target), with reader.parse and that side's `reply`"
        )
    for side, section in sections.items():
        if section["model"].startswith(OFFLINE_PREFIX):
            notes.append(f"the {side} is a simulated model: start `promptport serve` for it, at {SIMULATED}")
        elif section.get("api_base"):
            notes.append(
                f"the {side} is asked at {section['api_base']}, as in the run; if that is this very proxy, put the "
                "deployment's own parameters in its place"
            )
    return notes
