"""Runs in the environment of the consumers: an example of the exporters' README makes messages of each row.

python consume.py NAME < {"folder": "...", "code": "...", "rows": [{"variable": "text"}]}
-> {"version": "...", "messages": [[{"role": "...", "content": "..."}]]}
"""

import json
import os
import re
import sys
from importlib.metadata import version

ROLES = {"human": "user", "ai": "assistant", "model": "assistant"}
PACKAGES = {"langchain": "langchain-core", "mlflow": "mlflow-skinny"}


def shaped(message):
    """A dictionary, or an object of one of these libraries."""
    if isinstance(message, dict):
        return {"role": message["role"], "content": message["content"]}
    role = getattr(message, "type", None) or getattr(message.role, "value", message.role)
    content = message.text if type(message).__module__.startswith("prompty") else message.content
    if not isinstance(content, str):
        content = "".join(part.text for part in content)
    return {"role": ROLES.get(role, role), "content": content}


def read(request, row):
    """Bedrock's service model has no renderer: it says whether the request is one, and `{{name}}` is filled in."""
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model("bedrock-agent").operation_model("CreatePrompt")
    report = ParamValidator().validate(request, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    held(request, model.input_shape)
    how = request["variants"][0]["templateConfiguration"]
    chat = how.get("chat") or {"messages": [{"role": "user", "content": [how["text"]]}]}
    told = [("system", part["text"]) for part in chat.get("system", [])]
    told += [(m["role"], "".join(part["text"] for part in m["content"])) for m in chat["messages"]]
    return [{"role": role, "content": filled(text, row)} for role, text in told]


def held(value, shape):
    """Patterns, choices and lengths, which botocore leaves to the service."""
    limits = shape.metadata
    if shape.type_name == "string":
        assert "pattern" not in limits or re.fullmatch(limits["pattern"], value), (shape.name, value)
        assert "enum" not in limits or value in limits["enum"], (shape.name, value)
    if shape.type_name in ("string", "list", "float", "integer"):
        size = value if shape.type_name in ("float", "integer") else len(value)
        assert limits.get("min", size) <= size <= limits.get("max", size), (shape.name, value)
    if shape.type_name == "structure" and shape.members:
        for name, item in value.items():
            held(item, shape.members[name])
    for item in value if shape.type_name == "list" else ():
        held(item, shape.member)


def filled(text, row):
    for name, value in row.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def made(code, folder, rows):
    os.chdir(folder)
    for row in rows:
        space = {"inputs": row}
        exec(code, space)  # noqa: S102  the README's own
        found = read(space["request"], row) if "request" in space else space["messages"]
        yield [shaped(message) for message in found]


if __name__ == "__main__":
    name, asked = sys.argv[1], json.load(sys.stdin)
    cases = [list(made(asked["code"], **case)) for case in asked["cases"]]
    package = PACKAGES.get(name, name)
    found = "" if package in ("openai", "text", "advpo") else version(package)
    json.dump({"version": found, "messages": cases}, sys.stdout)
