"""The exporters by name. One of your own goes by its path, `my_project.exporters:mine`: a callable that takes a
`Shipment` and returns an `Export`, or raises ExportError where it cannot hold the prompt faithfully."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from optimizer.errors import ConfigError, ExportError
from optimizer.exporters.bundle.making import bundle_files
from optimizer.exporters.bundle.sealing import archive
from optimizer.exporters.bundle.signing import private_key
from optimizer.exporters.formats import (
    bedrock,
    dotprompt,
    dspy,
    langchain,
    litellm,
    messages,
    promptfoo,
    prompty,
    registries,
)
from optimizer.exporters.formats.gateway import gateway
from optimizer.exporters.parserless import without_parser
from optimizer.exporters.shipment import Export, Exporter, Shipment
from optimizer.plugins import described, resolve
from optimizer.results.rundir import slug
from optimizer.verdict.confirm import Verdict


def _bundle(shipment: Shipment) -> Export:
    """promptport's own: all that production needs to use the prompt and to trust it, with a reader."""
    if shipment.migration is None or shipment.result is None:
        raise ExportError("bundle: this is a bundle already; give the run directory to write it anew")
    return Export(bundle_files(shipment.migration, shipment.result, key=private_key()))


def _bundle_zip(shipment: Shipment) -> Export:
    """The bundle as one file: the same bytes every time."""
    return Export({"bundle.zip": archive({name: _bytes(text) for name, text in _bundle(shipment).files.items()})})


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


EXPORTERS: Mapping[str, Exporter] = {
    "bundle": _bundle,
    "bundle-zip": _bundle_zip,
    "advpo": bedrock.advpo,
    "bedrock": bedrock.bedrock,
    "dotprompt": dotprompt.dotprompt,
    "dspy": dspy.dspy,
    "gateway": gateway,
    "langchain": langchain.langchain,
    "langfuse": registries.langfuse,
    "litellm": litellm.litellm,
    "mlflow": registries.mlflow,
    "openai": messages.openai,
    "promptfoo": promptfoo.promptfoo,
    "prompty": prompty.prompty,
    "text": messages.text,
}
#: Formats that ship a parser, or need none: whether replies can be read without one does not matter for them.
WITH_PARSER = frozenset({"bundle", "bundle-zip", "dspy", "gateway", "promptfoo"})


def export(shipment: Shipment, name: str, *, allow_contract_change: bool = False, share: str | None = None) -> Export:
    """The files of one format. Raises ExportError with the reason, and a format that can hold the prompt.

    `share`: of the traffic, for the gateway."""
    if share is not None and name != "gateway":
        raise ConfigError(f"--share is for --as gateway, which sends the target a share of the traffic, not for {name}")
    made = gateway(shipment, share) if share is not None else resolve("exporters", name, EXPORTERS)(shipment)
    note = "" if name in WITH_PARSER else without_parser(shipment, name, allow_change=allow_contract_change)
    return made.noting(*filter(None, (note, _doubt(shipment))))


def _doubt(shipment: Shipment) -> str:
    """Exporting decides nothing: what the run found is said again where it was no yes."""
    decision = shipment.result.decision if shipment.result else None
    if decision is None or decision.verdict is Verdict.MIGRATE:
        return ""
    return f"the verdict on this prompt is {decision.verdict.value}: {decision.reason}"


def names() -> Iterator[tuple[str, str]]:
    """Every exporter with a few words."""
    return described("exporters", EXPORTERS)


def default_folder(path: Path, shipment: Shipment, name: str) -> Path:
    """Within the run, or beside the bundle, whose files are sealed; with several targets each has its own."""
    if not (path / "manifest.json").exists():
        return path.parent / "exports" / slug(name)
    several = shipment.migration is not None and len(shipment.migration.targets) > 1
    folder = path / "exports" / slug(name)
    return folder / slug(shipment.model) if several else folder


def write_export(made: Export, folder: Path) -> list[Path]:
    """Write the files, each whole or not at all; what lies there beside them stays."""
    written = []
    for name, content in made.files.items():
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise ExportError(f"the exporter names a file outside its folder: {name!r}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                path.unlink()
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        except (OSError, UnicodeEncodeError) as error:
            raise ExportError(f"{path}: cannot be written ({error}); choose another --out") from error
        written.append(path)
    return written
