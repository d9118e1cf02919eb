"""Every change of a bundle is found, every attack refused: in its folder, in its zip, and in who signed it."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from optimizer.cli import main
from optimizer.errors import ConfigError, ExportError
from optimizer.exporters.bundle import sealing
from optimizer.exporters.bundle.making import (
    bundle_files,
    bundle_zip,
    read_bundle,
    sign_bundle,
    verify_bundle,
    write_bundle,
)
from optimizer.exporters.bundle.signing import KEY_VARIABLE, SIGNATURE
from optimizer.outlets import publish
from optimizer.results.rundir import RunDir
from tests.conftest import Walked


class Keys:
    """Two pairs of keys, as files."""

    def __init__(self, folder: Path) -> None:
        serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        pem, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        for name in ("ours", "theirs"):
            key = Ed25519PrivateKey.generate()
            private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            (folder / f"{name}.pem").write_bytes(private)
            (folder / f"{name}.pub").write_bytes(key.public_key().public_bytes(pem, form))
        self.ours, self.theirs = folder / "ours.pem", folder / "theirs.pem"
        self.our_public, self.their_public = folder / "ours.pub", folder / "theirs.pub"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def folder(tmp_path: Path, plain_run: Walked) -> Path:
    """A bundle to be changed, with its zip beside it."""
    return plain_run.copy(tmp_path / "run") / "bundle"


def changes(whole: bytes, draw: random.Random) -> bytes:
    """One byte flipped, dropped or put in, or one bit."""
    at = draw.randrange(len(whole))
    flipped = bytes([whole[at] ^ 1 << draw.randrange(8)])
    other = bytes([draw.choice([byte for byte in range(256) if byte != whole[at]])])
    here, skipped = draw.choice([(flipped, 1), (other, 1), (b"", 1), (b" ", 0), (b"\n", 0), (b"\x00", 0)])
    return whole[:at] + here + whole[at + skipped :]


# -- changed bytes


@pytest.mark.parametrize("signed", [False, True])
def test_each_of_a_thousand_one_byte_changes_is_refused(folder: Path, request: Any, signed: bool) -> None:
    """In every file, the checksums, the signature and the zip among them."""
    if signed:
        sign_bundle(folder, request.getfixturevalue("keys").ours.read_bytes())
    zipped, draw = folder.with_name("bundle.zip"), random.Random(11)
    files = [*sorted(folder.iterdir()), zipped]
    assert len(files) == (7 if signed else 6)
    for number in range(350 if signed else 1000):
        path = files[number % len(files)]
        whole = path.read_bytes()
        changed = changes(whole, draw)
        path.write_bytes(changed)
        with pytest.raises(ExportError):
            verify_bundle(zipped if path == zipped else folder)
            pytest.fail(f"change {number} of {path.name} was not found")
        path.write_bytes(whole)
    assert verify_bundle(folder) == verify_bundle(zipped) == len(files) - 1


def test_a_bundle_as_written_passes(plain_run: Walked) -> None:
    assert verify_bundle(plain_run.run / "bundle") == 5


def test_checksums_that_fit_a_changed_file_but_are_written_otherwise_are_found(
    tmp_path: Path, plain_run: Walked
) -> None:
    folder = plain_run.copy(tmp_path / "run") / "bundle"
    sums = json.loads((folder / "checksums.json").read_text())

    for text in (json.dumps(sums), json.dumps(dict(reversed(sums.items())), indent=2) + "\n", "[]", "[" * 10_000):
        (folder / "checksums.json").write_text(text)
        with pytest.raises(ExportError, match="changed since it was written"):
            verify_bundle(folder)


def test_missing_and_extra_files_are_found(tmp_path: Path, plain_run: Walked) -> None:
    for name in ("bundle.json", "reader.py", "checksums.json"):
        folder = plain_run.copy(tmp_path / name) / "bundle"
        (folder / name).unlink()
        with pytest.raises(ExportError, match=r"missing"):
            verify_bundle(folder)
    for name in ("sitecustomize.py", ".hidden", "bundle.json.bak", "__pycache__"):
        folder = plain_run.copy(tmp_path / f"with {name}") / "bundle"
        (folder / name).mkdir() if name == "__pycache__" else (folder / name).write_text("")
        kind = (
            "remove it, and set PYTHONDONTWRITEBYTECODE=1 where the bundle is read$"
            if name == "__pycache__"
            else "not part of the bundle; remove it, or write it anew"
        )
        with pytest.raises(ExportError, match=f"{name}: .*{kind}"):
            verify_bundle(folder)


@pytest.mark.parametrize("name", ["bundle.json", "reader.py", "checksums.json"])
def test_links_folders_and_pipes_in_place_of_a_file_are_refused(tmp_path: Path, plain_run: Walked, name: str) -> None:
    def link(path: Path) -> None:
        path.symlink_to(plain_run.run / "bundle" / name)

    ways: tuple[Callable[[Path], None], ...] = (link, Path.mkdir, os.mkfifo)
    for number, replacement in enumerate(ways):
        folder = plain_run.copy(tmp_path / str(number)) / "bundle"
        (folder / name).unlink()
        replacement(folder / name)
        with pytest.raises(ExportError, match=rf"{name}: no plain file"):
            verify_bundle(folder)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "sub/bundle.json", "..", ""])
def test_checksums_that_point_elsewhere_are_refused(tmp_path: Path, plain_run: Walked, name: str) -> None:
    folder = plain_run.copy(tmp_path / "run") / "bundle"
    sums = json.loads((folder / "checksums.json").read_text())
    for changed in (sums | {name: "0" * 64}, {name: "0" * 64, "bundle.json": sums["bundle.json"]}):
        (folder / "checksums.json").write_text(json.dumps(changed, indent=2, sort_keys=True) + "\n")
        with pytest.raises(ExportError, match="changed since it was written"):
            verify_bundle(folder)


def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, plain_run: Walked) -> None:
    for path in (tmp_path, tmp_path / "nowhere", plain_run.run / "bundle/bundle.json"):
        with pytest.raises(ExportError, match="no bundle here"):
            verify_bundle(path)


def test_the_folder_above_a_bundle_leads_to_it(tmp_path: Path, plain_run: Walked) -> None:
    run = plain_run.copy(tmp_path / "run")
    with pytest.raises(ExportError, match=rf"no bundle here .*; give {re.escape(str(run / 'bundle'))}$"):
        verify_bundle(run)
    several = tmp_path / "several"
    for name in ("a", "b"):
        shutil.copytree(run / "bundle", several / "bundle" / name)
    for above in (several, several / "bundle"):
        with pytest.raises(ExportError, match=r"give \S+/bundle/a, \S+/bundle/b$"):
            verify_bundle(above)


def test_a_file_that_is_too_large_is_refused_unread(folder: Path) -> None:
    with (folder / "bundle.json").open("r+b") as file:
        file.truncate(sealing.LARGEST + 1)  # a hole: nothing is written

    with pytest.raises(ExportError, match="or larger than 50,000,000 bytes"):
        verify_bundle(folder)


def test_too_many_files_and_names_that_clash_but_for_case_are_refused(folder: Path) -> None:
    for number in range(sealing.MOST_FILES):
        (folder / f"f{number}").touch()
    with pytest.raises(ExportError, match="105 files, and a bundle has a handful"):
        verify_bundle(folder)
    for number in range(sealing.MOST_FILES):
        (folder / f"f{number}").unlink()
    (folder / "Reader.py").touch()
    if len(list(folder.iterdir())) == 6:  # where the file system tells the two apart
        with pytest.raises(ExportError, match=r"'reader.py' stands in it twice but for case"):
            verify_bundle(folder)


# -- what it says


def resealed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The bundle with other contents and checksums that fit them."""
    bundle = json.loads((folder / "bundle.json").read_text())
    found = change(bundle)
    text = found if isinstance(found, str) else json.dumps(bundle)
    (folder / "bundle.json").write_text(text)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "checksums.json").write_bytes(sealing.checksums(files))
    return folder


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda b: b.pop("gate"), r"not in the form of its format: \$ lacks \['gate'\]"),
        (lambda b: b.update(extra=1), r"\$ has an unknown key 'extra'"),
        (lambda b: b.update(simulated="no"), r"\$.simulated must be of type boolean"),
        (lambda b: b["gate"]["quality"].update(least="0"), r"\$.gate.quality.least must be of type"),
        (lambda b: b["messages"].append({"role": "root", "content": []}), r"\$.messages\[\d\].role must be one of"),
        (lambda b: b.update(format="promptport-bundle/9"), "of the format 'promptport-bundle/9', this version knows"),
        (lambda b: b.update(format=["promptport-bundle/2"]), r"of the format \['promptport-bundle/2'\]"),
        (lambda b: b.update(format=None), "of the format None"),
        (lambda b: "[]", "of the format 'list'"),
        (lambda b: "{", "no JSON"),
        (lambda b: "[" * 200 + "]" * 200, "nested deeper than 100 levels"),
        (lambda b: "[" * 200_000, "nested deeper than 100 levels"),
        (lambda b: b.update(format="promptport-program/2"), "program.json: missing"),
        (lambda b: b["variables"].update(n=1), r"variables\.n: is of no type that the reader knows"),
        (lambda b: b["variables"]["n"].update(type=[]), r"variables\.n: is of no type that the reader knows"),
        (lambda b: b["variables"]["n"].update(default="x"), r"variables\.n: its default is not of type integer"),
        (
            lambda b: b["messages"][0].update(content=[{"var": "m"}]),
            r"messages: .*'m'.* is neither text nor a variable",
        ),
        (lambda b: b["rollback"]["messages"][0].update(content=[{}]), r"rollback\.messages: '{}' is neither"),
        (lambda b: b["reply"].update(labels=["a"]), "reply: is no contract"),
        (lambda b: b["reply"].pop("labels"), "reply: is no contract"),
        (lambda b: b["gate"].update(margin=-1), "the margin must be from 0 to 1"),
        (lambda b: b["gate"].update(figures={"f1": 7}), r"gate\.figures\.f1: has no threshold"),
        (lambda b: b["evidence"].update(metrics=[[]]), r"evidence\.metrics: '\[\]' is no metric"),
    ],
)
def test_whole_files_that_say_something_else_are_refused(folder: Path, change: Any, told: str) -> None:
    with pytest.raises(ExportError, match=told):
        verify_bundle(resealed(folder, change))


def test_nesting_in_the_middle_of_a_bundle_is_refused(folder: Path) -> None:
    deep: Any = "x"
    for _ in range(150):
        deep = [deep]

    with pytest.raises(ExportError, match="nested deeper than 100 levels"):
        verify_bundle(resealed(folder, lambda b: b["parameters"].update(x=deep)))


def test_a_bundle_of_the_first_format_still_verifies(folder: Path) -> None:
    bundle = json.loads((folder / "bundle.json").read_text()) | {"format": "promptport-bundle/1"}
    for name in ("schema.json", "held_out.jsonl"):
        (folder / name).unlink()

    assert verify_bundle(resealed(folder, lambda _: json.dumps(bundle))) == 3


# -- the zip


def test_the_zip_has_the_same_bytes_every_time(tmp_path: Path, plain_run: Walked) -> None:
    migration, result = plain_run.migration, plain_run.migration.targets[0]
    write_bundle(migration, result, tmp_path / "again")

    beside = (plain_run.run / "bundle.zip").read_bytes()
    assert (tmp_path / "again.zip").read_bytes() == beside == bundle_zip(migration, result)
    with zipfile.ZipFile(plain_run.run / "bundle.zip") as packed:
        assert packed.testzip() is None
        assert packed.namelist() == sorted(path.name for path in (plain_run.run / "bundle").iterdir())
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_zip_says_what_the_folder_says_and_unpacks_to_it(tmp_path: Path, plain_run: Walked) -> None:
    shutil.unpack_archive(plain_run.run / "bundle.zip", tmp_path / "unpacked")

    assert verify_bundle(tmp_path / "unpacked") == 5
    assert read_bundle(plain_run.run / "bundle.zip") == read_bundle(plain_run.run / "bundle")


Entries = list[tuple[str, bytes, dict[str, Any]]]


def packed(path: Path, entries: Entries, kind: int = zipfile.ZIP_STORED) -> Path:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", kind) as archive:
        for name, data, facts in entries:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr, entry.compress_type = 3, 0o100644 << 16, kind
            for key, value in facts.items():
                setattr(entry, key, value)
            archive.writestr(entry, data, compress_type=entry.compress_type)
    path.write_bytes(whole.getvalue())
    return path


def entries_of(walked: Walked) -> Entries:
    return [(path.name, path.read_bytes(), {}) for path in sorted((walked.run / "bundle").iterdir())]


def test_the_packer_of_these_tests_makes_a_zip_that_verifies(tmp_path: Path, plain_run: Walked) -> None:
    assert verify_bundle(packed(tmp_path / "b.zip", entries_of(plain_run))) == 5


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "/etc/passwd",
        "a/../../b",
        "sub/x",
        "C:\\x",
        "..",
        ".hidden",
        "nul",
        "é.json",
        "a" * 200,
    ],
)
def test_a_zip_with_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, plain_run: Walked, name: str) -> None:
    with pytest.raises(ExportError, match=r"is no name of a file in a bundle; do not unpack it|changed since"):
        verify_bundle(packed(tmp_path / "b.zip", [*entries_of(plain_run), (name, b"x", {})]))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ([("link", b"/etc/passwd", {"external_attr": 0o120777 << 16})], "'link' is no plain file"),
        ([("folder", b"", {"external_attr": 0o040755 << 16})], "'folder' is no plain file"),
        ([("Reader.py", b"", {})], r"'[Rr]eader.py' stands in it twice \(or but for case\)"),
        ([("extra.txt", b"x", {})], "extra.txt: not part of the bundle"),
        ([("bomb", bytes(10_000_000), {"compress_type": zipfile.ZIP_DEFLATED})], "'bomb' is compressed or encrypted"),
        ([(f"f{n}", b"", {}) for n in range(200)], "205 files"),
    ],
)
def test_a_zip_with_more_in_it_is_refused(tmp_path: Path, plain_run: Walked, more: Entries, told: str) -> None:
    with pytest.raises(ExportError, match=told):
        verify_bundle(packed(tmp_path / "b.zip", sorted([*entries_of(plain_run), *more], key=lambda row: row[0])))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_in_a_zip_is_refused(tmp_path: Path, plain_run: Walked) -> None:
    entries = entries_of(plain_run)

    with pytest.raises(ExportError, match="stands in it twice"):
        verify_bundle(packed(tmp_path / "b.zip", [*entries, entries[0]]))


def test_a_zip_that_claims_more_than_it_has_is_refused_unread(tmp_path: Path, plain_run: Walked) -> None:
    data = bytearray((plain_run.run / "bundle.zip").read_bytes())
    at = data.rfind(b"PK\x01\x02")  # the last entry of the directory, whose sizes stand 20 bytes on
    data[at + 20 : at + 28] = (2**31).to_bytes(4, "little") * 2
    (tmp_path / "b.zip").write_bytes(data)

    with pytest.raises(ExportError, match="claim more bytes than the zip has"):
        verify_bundle(tmp_path / "b.zip")


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"not a zip" * 1000, b"PK\x03\x04" + bytes(100)]
)
def test_what_is_no_zip_of_a_bundle_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(data)

    with pytest.raises(ExportError, match=r"no bundle here|changed since"):
        verify_bundle(tmp_path / "b.zip")


@pytest.mark.parametrize("missing", ["bundle.json", "reader.py", "schema.json", "held_out.jsonl", "checksums.json"])
def test_a_zip_that_lacks_a_file_is_refused(tmp_path: Path, plain_run: Walked, missing: str) -> None:
    with pytest.raises(ExportError, match="missing"):
        verify_bundle(packed(tmp_path / "b.zip", [row for row in entries_of(plain_run) if row[0] != missing]))


def test_a_zip_that_another_tool_packed_is_told_from_a_damaged_one(tmp_path: Path, plain_run: Walked) -> None:
    shutil.make_archive(str(tmp_path / "b"), "zip", plain_run.run / "bundle")

    with pytest.raises(ExportError, match="if another tool packed it, unpack it with care and verify the folder"):
        verify_bundle(tmp_path / "b.zip")


# -- the signature


def test_a_signed_bundle_names_its_key_and_is_trusted_with_it_alone(folder: Path, keys: Keys) -> None:
    who = sign_bundle(folder, keys.ours.read_bytes())

    for path in (folder, folder.with_name("bundle.zip")):
        assert read_bundle(path).signed_by == who and len(bytes.fromhex(who)) == 32
        assert read_bundle(path, keys.our_public).signed_by == who
        with pytest.raises(ExportError, match=r"signed by the key .*, not by the one given"):
            read_bundle(path, keys.their_public)


def test_who_changes_a_signed_bundle_cannot_make_its_signature_fit(folder: Path, keys: Keys) -> None:
    sign_bundle(folder, keys.ours.read_bytes())
    resealed(folder, lambda b: b.update(model="test/evil"))

    with pytest.raises(ExportError, match=r"signature.json: changed since it was written: it is no signature"):
        verify_bundle(folder)
    (folder / SIGNATURE).unlink()
    assert verify_bundle(folder) == 5  # another bundle, which nobody vouches for
    with pytest.raises(ExportError, match="not signed"):
        verify_bundle(folder, keys.our_public)
    sign_bundle(folder, keys.theirs.read_bytes())
    with pytest.raises(ExportError, match="not by the one given"):
        verify_bundle(folder, keys.our_public)


def test_signing_notes_the_approver_and_signs_anew(folder: Path, keys: Keys) -> None:
    sign_bundle(folder, keys.ours.read_bytes())
    sign_bundle(folder, keys.theirs.read_bytes(), approver="Ada ✓")

    found = read_bundle(folder, keys.their_public)
    assert found.bundle["approval"]["approver"] == "Ada ✓"
    assert read_bundle(folder.with_name("bundle.zip"), keys.their_public) == found
    with pytest.raises(ExportError, match="a zip is signed by signing its folder"):
        sign_bundle(folder.with_name("bundle.zip"), keys.ours.read_bytes())


def test_a_signature_says_nothing_about_a_changed_bundle(folder: Path, keys: Keys) -> None:
    (folder / "reader.py").write_text("print('evil')")

    with pytest.raises(ExportError, match=r"reader.py: changed since it was written"):
        sign_bundle(folder, keys.ours.read_bytes())


def test_openssl_makes_keys_and_knows_the_signature(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)

    sign_bundle(folder, key.read_bytes())

    assert verify_bundle(folder, public) == 6
    said = json.loads((folder / SIGNATURE).read_text())
    (tmp_path / "signature").write_bytes(bytes.fromhex(said["signature"]))
    (tmp_path / "signed").write_bytes(b"promptport-bundle\n" + (folder / "checksums.json").read_bytes())
    ended = subprocess.run(
        [
            *("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin"),
            *("-in", tmp_path / "signed", "-sigfile", tmp_path / "signature"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("inside", [False, True])
def test_a_run_signs_its_bundles_where_the_environment_names_a_key(
    tmp_path: Path, plain_run: Walked, keys: Keys, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    """By the key's file or, as secrets come in continuous integration, by the key itself; it is written nowhere."""
    run = RunDir(plain_run.copy(tmp_path / "run"))
    monkeypatch.setenv(KEY_VARIABLE, keys.ours.read_text() if inside else str(keys.ours))

    assert publish(plain_run.migration, run) == []

    assert verify_bundle(run.path / "bundle", keys.our_public) == 6
    secret = keys.ours.read_text().splitlines()[1].encode()
    assert not any(secret in path.read_bytes() for path in run.path.rglob("*") if path.is_file())


def test_an_approval_and_a_signature_outlive_a_report_that_is_written_again(
    tmp_path: Path, plain_run: Walked, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, zipped = RunDir(plain_run.copy(tmp_path / "run")), tmp_path / "run/bundle.zip"
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    sign_bundle(run.path / "bundle", keys.ours.read_bytes(), approver="Ada")
    before = {path.name: path.read_bytes() for path in (run.path / "bundle").iterdir()}
    zipped.unlink()

    publish(plain_run.migration, run)

    assert {path.name: path.read_bytes() for path in (run.path / "bundle").iterdir()} == before
    assert read_bundle(zipped, keys.our_public).bundle["approval"]["approver"] == "Ada"
    monkeypatch.setenv(KEY_VARIABLE, str(keys.theirs))  # another key, the same approval
    publish(plain_run.migration, run)
    assert read_bundle(zipped, keys.their_public).bundle["approval"]["approver"] == "Ada"
    monkeypatch.delenv(KEY_VARIABLE)
    publish(replace(plain_run.migration, name="another"), run)  # another bundle has neither
    assert verify_bundle(run.path / "bundle") == 5
    assert read_bundle(zipped).bundle["approval"]["approver"] is None


def test_a_key_that_cannot_be_used_costs_no_bundle_and_is_never_shown(
    tmp_path: Path, plain_run: Walked, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDir(plain_run.copy(tmp_path / "run"))
    broken = keys.ours.read_text().replace("-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nQUFB")
    for value in (str(tmp_path / "nowhere.pem"), broken):
        monkeypatch.setenv(KEY_VARIABLE, value)
        [lost] = publish(plain_run.migration, run)
        assert lost.startswith("bundles are not signed: ") and broken.splitlines()[1] not in lost
        assert verify_bundle(run.path / "bundle") == 5


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused_with_the_way_to_make_one(
    folder: Path, tmp_path: Path, keys: Keys, text: str
) -> None:
    sign_bundle(folder, keys.ours.read_bytes())
    (tmp_path / "bad.pem").write_text(text)

    with pytest.raises(ConfigError, match=r"the public key is no Ed25519 key in PEM.*openssl genpkey"):
        verify_bundle(folder, tmp_path / "bad.pem")
    with pytest.raises(ConfigError, match="the private key is no Ed25519 key"):
        sign_bundle(folder, text.encode())
    with pytest.raises(ConfigError, match=r"nowhere.pem: the public key cannot be read"):
        verify_bundle(folder, tmp_path / "nowhere.pem")


def test_without_the_library_a_signed_bundle_is_not_called_whole(folder: Path, keys: Keys) -> None:
    sign_bundle(folder, keys.ours.read_bytes())
    code = (
        "import sys; sys.modules['cryptography'] = None\nfrom optimizer.cli import main\nmain(['verify', sys.argv[1]])"
    )
    ended = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)

    assert ended.returncode == 2 and "pip install 'promptport[sign]'" in ended.stderr


def test_the_commands_sign_and_verify(folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: object) -> Any:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert "no private key" in run("sign", folder).stderr
    signed = run("sign", folder, "--key", keys.ours, "--approver", "Ada")
    assert signed.exit_code == 0 and ": signed by " in signed.stdout
    whole = run("verify", folder.with_name("bundle.zip"), "--key", keys.our_public)
    assert whole.exit_code == 0 and "6 files, all as written\nsigned by " in whole.stdout
    assert "name a key that you trust with --key" in run("verify", folder).stdout
    refused = run("verify", folder, "--key", keys.their_public)
    assert refused.exit_code == 2 and "not by the one given" in refused.stderr


def test_no_file_of_a_bundle_is_written_by_hand(plain_run: Walked) -> None:
    """What lies in the folder is what the run makes, to the byte."""
    files = bundle_files(plain_run.migration, plain_run.migration.targets[0])

    assert {path.name: path.read_bytes() for path in (plain_run.run / "bundle").iterdir()} == files
