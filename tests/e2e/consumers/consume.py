"""Runs in the environment of the consumers: one of them loads an export and makes messages of each row.

    python consume.py NAME < {"folder": "...", "rows": [{"variable": "text"}]}   ->   {"version": "...", "messages": [...]}
"""

import asyncio
import json
import sys
from importlib.metadata import version
from pathlib import Path

ROLES = {"human": "user", "ai": "assistant", "model": "assistant"}


def langchain(folder, rows):
    from langchain_core.load import loads

    prompt = loads((folder / "prompt.json").read_text("utf-8"), allowed_objects="core")
    for row in rows:
        yield [(ROLES.get(m.type, m.type), m.content) for m in prompt.format_messages(**row)]


def mlflow(folder, rows):
    import mlflow as tool

    tool.set_tracking_uri(f"sqlite:///{folder / 'registry.db'}")
    made = tool.genai.register_prompt(**read(folder / "register_prompt.json"))
    prompt = tool.genai.load_prompt(f"prompts:/{made.name}/{made.version}")
    for row in rows:
        yield [(m["role"], m["content"]) for m in prompt.format(**row)]


def langfuse(folder, rows):
    from langfuse.api import Prompt_Chat
    from langfuse.model import ChatPromptClient

    given = read(folder / "create_prompt.json")
    prompt = ChatPromptClient(Prompt_Chat.model_validate({**given, "version": 1}))
    for row in rows:
        yield [(m["role"], m["content"]) for m in prompt.compile(**row)]


def prompty(folder, rows):
    import prompty as tool

    (file,) = folder.glob("*.prompty")
    agent = tool.load(file)
    for row in rows:
        yield [(m.role, m.text) for m in tool.prepare(agent, row)]


def dotpromptz(folder, rows):
    from dotpromptz import Dotprompt
    from dotpromptz.typing import DataArgument

    (file,) = folder.glob("*.prompt")
    source = file.read_bytes().decode()
    for row in rows:
        found = asyncio.run(Dotprompt().render(source, DataArgument(input=row)))
        yield [(ROLES.get(m.role.value, m.role.value), "".join(p.text for p in m.content)) for m in found.messages]


def botocore(folder, rows):
    """The service's own model says whether the request is one; it has no renderer, `{{name}}` is filled in."""
    import botocore.session
    from botocore.validate import ParamValidator

    request = read(folder / "create-prompt.json")
    model = botocore.session.get_session().get_service_model("bedrock-agent").operation_model("CreatePrompt")
    report = ParamValidator().validate(request, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    held(request, model.input_shape)
    how = request["variants"][0]["templateConfiguration"]
    chat = how.get("chat") or {"messages": [{"role": "user", "content": [how["text"]]}]}
    told = [("system", part["text"]) for part in chat.get("system", [])]
    told += [(m["role"], "".join(part["text"] for part in m["content"])) for m in chat["messages"]]
    for row in rows:
        yield [(role, filled(text, row)) for role, text in told]


def held(value, shape):
    """Patterns, choices and lengths, which botocore leaves to the service."""
    import re

    limits = shape.metadata
    if shape.type_name == "string":
        assert "pattern" not in limits or re.fullmatch(limits["pattern"], value), (shape.name, value)
        assert "enum" not in limits or value in limits["enum"], (shape.name, value)
    size = len(value) if hasattr(value, "__len__") else value
    if shape.type_name in ("string", "list", "float", "integer"):
        assert limits.get("min", size) <= size <= limits.get("max", size), (shape.name, value)
    if shape.type_name == "structure":
        for name, item in value.items() if shape.members else ():
            held(item, shape.members[name])
    for item in value if shape.type_name == "list" else ():
        held(item, shape.member)


def filled(text, row):
    for name, value in row.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def read(path):
    return json.loads(path.read_text("utf-8"))


PACKAGES = {"langchain": "langchain-core", "mlflow": "mlflow-skinny"}

if __name__ == "__main__":
    name, asked = sys.argv[1], json.load(sys.stdin)
    messages = [
        [{"role": role, "content": content} for role, content in said]
        for said in globals()[name](Path(asked["folder"]), asked["rows"])
    ]
    json.dump({"version": version(PACKAGES.get(name, name)), "messages": messages}, sys.stdout)
