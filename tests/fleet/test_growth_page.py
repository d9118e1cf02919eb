"""The page on growing says what is so: its YAML is read by the program, its manifest hangs together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import optimizer
from optimizer.config import Settings
from optimizer.errors import OptimizerError
from optimizer.fleet.settings import FleetSettings
from optimizer.models.stores.pgserver import is_address

HERE = Path(optimizer.__file__).parent / "fleet"
PAGE = (HERE / "README.md").read_text("utf-8")
SNIPPETS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
MANIFEST: list[dict[str, Any]] = list(yaml.safe_load_all((HERE / "kubernetes.yaml").read_text("utf-8")))
_VERSIONS = {
    "PersistentVolumeClaim": "v1",
    "Service": "v1",
    "StatefulSet": "apps/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: next(iter(snippet)))
def test_every_snippet_is_accepted_in_a_fleet_file_or_a_task_file(snippet: dict[str, Any]) -> None:
    task = {"data": "x.jsonl", "prompt": "{{x}}", "source": "a/b", "target": "a/c"}

    FleetSettings.model_validate(snippet) if "targets" in snippet else Settings.model_validate({**task, **snippet})


def test_the_exit_codes_on_the_page_are_those_of_the_errors() -> None:
    told = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE) for code in row.split(",")}

    assert {kind.exit_code for kind in OptimizerError.__subclasses__()} <= told
    assert {0, 6, 10, 11, 130} <= told


def _containers() -> list[dict[str, Any]]:
    specs = [thing["spec"]["template"]["spec"] for thing in MANIFEST if "template" in thing["spec"]]
    return [container for spec in specs for container in spec["containers"]]


def test_every_object_of_the_manifest_is_of_a_known_kind_and_selects_its_own_pods() -> None:
    for thing in MANIFEST:
        assert thing["apiVersion"] == _VERSIONS[thing["kind"]] and thing["metadata"]["name"]
        if thing["kind"] in ("Deployment", "StatefulSet"):
            labels = thing["spec"]["template"]["metadata"]["labels"]
            assert thing["spec"]["selector"]["matchLabels"] == labels


def test_services_volumes_and_addresses_of_the_manifest_lead_somewhere() -> None:
    services = {thing["metadata"]["name"]: thing for thing in MANIFEST if thing["kind"] == "Service"}
    claims = {thing["metadata"]["name"] for thing in MANIFEST if thing["kind"] == "PersistentVolumeClaim"}
    apps = {
        t["spec"]["template"]["metadata"]["labels"]["app"]
        for t in MANIFEST
        if t["kind"] != "Job" and "template" in t["spec"]
    }
    pods = [thing["spec"]["template"]["spec"] for thing in MANIFEST if "template" in thing["spec"]]
    volumes = [volume for pod in pods for volume in pod.get("volumes", [])]

    assert {service["spec"]["selector"]["app"] for service in services.values()} <= apps
    assert {v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v} == claims
    for pod in pods:
        named = {volume["name"] for volume in pod.get("volumes", [])}
        assert {mount["name"] for c in pod["containers"] for mount in c.get("volumeMounts", [])} == named
    for name, port in re.findall(r"tcp://([\w-]+):(\d+)", PAGE + str(MANIFEST)):
        assert name == "head" or services[name]["spec"]["ports"][0]["port"] == int(port)
    assert "database" in services and is_address("postgresql://promptport@database/answers")


def test_no_container_has_more_secrets_than_it_needs() -> None:
    asked = {c["name"]: [e["secretRef"]["name"] for e in c.get("envFrom", [])] for c in _containers()}

    assert {name for name, secrets in asked.items() if "provider-keys" in secrets} == {"worker"}
    assert {c["name"] for c in _containers() if "database" in str(c.get("env"))} == {"postgres", "driver"}
