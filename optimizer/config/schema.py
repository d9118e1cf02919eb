"""The JSON schema of a task file, and the file that editors find it in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optimizer.config.task_settings import Settings

SCHEMA_FILE = Path(__file__).with_name("task.schema.json")


def task_schema() -> dict[str, Any]:
    """The JSON schema of a task file, for editors."""
    schema = Settings.model_json_schema()
    schema["properties"]["target"] = schema["properties"]["targets"]["items"] | {"description": "Instead of targets"}
    schema["required"].remove("targets")
    schema["oneOf"] = [{"required": ["target"]}, {"required": ["targets"]}]
    schema["anyOf"] = [{"required": ["prompt"]}, {"required": ["program"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "promptport task file"} | schema


def schema_line() -> str:
    """The first line of a task file, by which editors find the schema that is installed here."""
    return f"# yaml-language-server: $schema={SCHEMA_FILE.as_uri()}"


def write_schema() -> None:
    SCHEMA_FILE.write_text(json.dumps(task_schema(), indent=1, ensure_ascii=False) + "\n", "utf-8")
