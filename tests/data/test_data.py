"""Rows come through exactly as they were written, or are refused with file, row, field and way out."""

from __future__ import annotations

import csv
import datetime
import decimal
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from optimizer.data import Table, read_files
from optimizer.data.parsing import csv_rows
from optimizer.errors import DataError


def read(folder: Path, name: str, content: str | bytes, **options: Any) -> Table:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_files([path], **options)


def values(table: Table) -> list[dict[str, Any]]:
    return [row.values for row in table.rows]


def parquet(path: Path, columns: dict[str, Any], features: Any = None) -> None:
    Dataset.from_dict(columns, features=features).to_parquet(path)


def refusal(folder: Path, name: str, content: str | bytes, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, name, content, **options)
    return str(caught.value)


def test_json_values_keep_their_types_and_rows_their_own_keys(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "gold": {"a": 1, "tags": []}},
        {"id": "007", "gold": {"b": None}, "extra": True},
        {"id": 2.5, "gold": "text", "note": 'line\u2028separator \u0085 and "quotes"'},
        {"id": 12345678901234567890, "gold": [1, "x", [None]]},
    ]
    table = read(tmp_path, "rows.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    assert values(table) == rows
    assert table.columns == ("id", "gold", "extra", "note")
    assert type(table.rows[0].values["id"]) is int


def test_marks_windows_line_ends_and_empty_lines_are_no_content(tmp_path: Path) -> None:
    table = read(tmp_path, "rows.jsonl", b'\xef\xbb\xbf{"a": "x"}\r\n\r\n  \n{"a": "y\\r\\n"}\r\n')
    assert values(table) == [{"a": "x"}, {"a": "y\r\n"}]
    assert [row.place for row in table.rows] == ["rows.jsonl, row 1", "rows.jsonl, row 2 (line 4)"]


def test_csv_cells_stay_the_texts_that_they_are(tmp_path: Path) -> None:
    content = '\ufeffid, text ,gold\r\n007,"first line\r\nsecond, ""quoted""",NA\r\n1e3,,null\r\n  x ,"",True\r\n'
    table = read(tmp_path, "rows.csv", content)
    assert table.columns == ("id", "text", "gold")
    assert values(table) == [
        {"id": "007", "text": 'first line\nsecond, "quoted"', "gold": "NA"},
        {"id": "1e3", "text": "", "gold": "null"},
        {"id": "  x ", "text": "", "gold": "True"},
    ]
    assert [row.place for row in table.rows] == [
        "rows.csv, row 1 (line 2)",
        "rows.csv, row 2 (line 4)",
        "rows.csv, row 3 (line 5)",
    ]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.csv", "id;text\n1;a, b\n", {}),
        ("a.csv", "id\ttext\n1\ta, b\n", {}),
        ("a.csv", "id|text\n1|a, b\n", {}),
        ("a.csv", "sep=;\nid;text\n1;a, b\n", {}),
        ("a.csv", "\n\r\nid;text\n1;a, b\n", {}),
        ("a.csv", '"id";"text"\n1;"a, b"\n', {}),
        ("a.tsv", "id\ttext\n1\ta, b\n", {}),
        ("a.csv", "id^text\n1^a, b\n", {"delimiter": "^"}),
        ("a.csv", "id;text\n1;a, b\n".encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_other_delimiters_are_seen_or_told(tmp_path: Path, name: str, content: str, options: dict[str, str]) -> None:
    assert values(read(tmp_path, name, content, **options)) == [{"id": "1", "text": "a, b"}]


def test_empty_lines_before_the_header_count_as_lines(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv, row 1 \(line 5\): has 1 cells"):
        read(tmp_path, "a.csv", "\n\nsep=;\nid;text\nalone\n")


def test_a_file_that_ends_leaves_the_one_beside_it_its_long_cells() -> None:
    """As where tasks are opened in several threads; Python's limit belongs to the whole process."""
    first, second = (
        csv_rows(["text\n", "a\n"], "a.csv", {}, None),
        csv_rows(["text\n", "a\n", "x" * 1_000_000 + "\n"], "b.csv", {}, None),
    )
    before = csv.field_size_limit(131_072)  # Python's own
    try:
        assert next(first).values == next(second).values == {"text": "a"}
        assert next(first, None) is None
        assert len(next(second).values["text"]) == 1_000_000
    finally:
        csv.field_size_limit(before)


def test_another_encoding_is_read_when_named(tmp_path: Path) -> None:
    assert values(read(tmp_path, "a.csv", "text\ncafé\n".encode("cp1252"), encoding="cp1252")) == [{"text": "café"}]


def test_several_files_of_several_kinds_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n', "utf-8")
    (tmp_path / "b.csv").write_text("text,gold\ntwo,2\n", "utf-8")
    parquet(tmp_path / "c.parquet", {"text": ["three"]})
    table = read_files([tmp_path / "a.jsonl", tmp_path / "b.csv", tmp_path / "c.parquet"], wanted={"text"})
    assert values(table) == [{"text": "one"}, {"text": "two"}, {"text": "three"}]
    assert table.columns == ("text", "gold")
    assert [row.place for row in table.rows] == ["a.jsonl, row 1", "b.csv, row 1 (line 2)", "c.parquet, row 1"]


def test_parquet_values_become_json(tmp_path: Path) -> None:
    columns = {
        "n": [1, None],
        "when": [datetime.date(2026, 11, 2), None],
        "price": [decimal.Decimal("1.50"), None],
        "gold": [{"a": 1, "tags": ["x"]}, {"a": 2, "tags": []}],
    }
    parquet(tmp_path / "a.parquet", columns)
    assert values(read_files([tmp_path / "a.parquet"])) == [
        {"n": 1, "when": "2026-11-02", "price": "1.50", "gold": {"a": 1, "tags": ["x"]}},
        {"n": None, "when": None, "price": None, "gold": {"a": 2, "tags": []}},
    ]


def test_numbers_that_stand_for_label_names_are_named(tmp_path: Path) -> None:
    labels = Features({"label": ClassLabel(names=["low", "high"])})
    parquet(tmp_path / "a.parquet", {"label": [1, 0, -1]}, labels)
    assert values(read_files([tmp_path / "a.parquet"])) == [{"label": "high"}, {"label": "low"}, {"label": None}]


@pytest.mark.parametrize("name", ["tickets [1].jsonl", "a*b?.jsonl", "x::y.jsonl", ".hidden.jsonl", "ünïcode €.jsonl"])
def test_file_names_are_names_and_no_patterns(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "odd [x] *" / "__private__"
    folder.mkdir(parents=True)
    assert values(read(folder, name, '{"a": 1}\n')) == [{"a": 1}]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"a": 1,}', "not valid JSON: "),
        ('{"a": NaN}', "not valid JSON: NaN is no JSON number; use null, or leave the key out"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ('{"a": 1e999}', "the number 1e999 is too large"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice; remove one of them"),
        ('[{"a": 1}]', "must be one JSON object, {...}, found a list"),
        ("a,b", "not valid JSON: Expecting value at column 1, near 'a,b'"),
        ("{", "the line is only '{'; every line must hold one whole object"),
        ('{"b": 0, "a": "cut \\ud83d"}', r"field 'a': holds \ud83d, one half of a character"),
        ('{"a": ' + "[" * 100_000, "not valid JSON: "),
        ('{"a": "' + "x" * 2_000_001 + '"}', "field 'a': has 2,000,001 characters; more than 2,000,000 are not sent"),
    ],
)
def test_one_bad_row_among_many_is_named(tmp_path: Path, line: str, text: str) -> None:
    lines = ['{"a": "fine"}'] * 12_345 + [line] + ['{"a": "fine"}'] * 5
    assert refusal(tmp_path, "rows.jsonl", "\n".join(lines)).startswith("rows.jsonl, row 12346")
    assert text in refusal(tmp_path, "rows.jsonl", "\n".join(lines))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a,b\n1,2\n1,2,3\n", "rows.csv, row 2 (line 3): has 3 cells, the header has 2 (a, b); a cell that holds ','"),
        ("a,b\n1,2\n\n1\n", "rows.csv, row 2 (line 4): has 1 cells, the header has 2"),
        ('a,b\n"1\n1",2\n3,"open\n4,5\n', "rows.csv, row 2 (line 4): a quoted cell begins here and never ends"),
        ('a,b\n1,"x"y\n', "rows.csv, row 1 (line 2): a quoted cell must be followed by ','"),
        ("a,,b\n1,2,3\n", "rows.csv, the header (line 1): column 2 has no name; give it one"),
        ("a,b,a\n1,2,3\n", "rows.csv, the header (line 1): two columns are called 'a'; rename one of them"),
        ("a\n" + "x" * 2_000_001 + "\n", "rows.csv, row 1 (line 2): a cell has more than 2,000,000 characters"),
        ("a,b\n", "rows.csv: has no rows"),
    ],
)
def test_csv_rows_that_do_not_fit_are_named(tmp_path: Path, content: str, text: str) -> None:
    assert text in refusal(tmp_path, "rows.csv", content)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.jsonl", b"", "a.jsonl: the file is empty; it needs one example on each line"),
        ("a.jsonl", b"\n \n", "a.jsonl: has no rows"),
        ("a.jsonl", b"\xef\xbb\xbf", "a.jsonl: has no rows"),
        (
            "a.csv",
            b"PK\x03\x04 and more",
            "a.csv: is not text but a zip archive or an Excel workbook; export the sheet",
        ),
        ("a.jsonl", b"\x1f\x8b and more", "a.jsonl: is not text but compressed with gzip; unpack it"),
        ("a.csv", b"PAR1....PAR1", "a.csv: is not text but a Parquet file; let its name end in .parquet"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\x00"}\n', "a.jsonl, line 2: holds a zero byte"),
        ("a.jsonl", '{"a": 1}'.encode("utf-16"), "a.jsonl: begins like UTF-16, not utf-8; set data.encoding: utf-16"),
        ("a.parquet", b"text,gold\n1,2\n", "a.parquet: is no whole Parquet file: it does not begin as one"),
        ("a.parquet", b"PAR1 and no end", "a.parquet: is no whole Parquet file: it is cut off"),
        ("a.parquet", b"PAR1" + b"x" * 40 + b"PAR1", "a.parquet: cannot be read as Parquet: "),
        ("rows", b"{}", "rows: its name has no ending. Files end in .jsonl"),
        ("a.jsnol", b"{}", "a.jsnol: the ending '.jsnol' is not known. Did you mean '.jsonl'?"),
        ("a.json", b"[]", "a.json: the ending '.json' is not known. Did you mean '.jsonl'?"),
    ],
)
def test_files_that_hold_no_rows_are_refused(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    assert text in refusal(tmp_path, name, content)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file; data\.path starts from the task file's folder"):
        read_files([tmp_path / "a.jsonl"])
    (tmp_path / "b.jsonl").mkdir()
    with pytest.raises(DataError, match="is a folder; name the files in it"):
        read_files([tmp_path / "b.jsonl"])


@pytest.mark.parametrize("before", [0, 1, 70_000])
def test_a_wrong_encoding_is_refused_with_line_and_byte(tmp_path: Path, before: int) -> None:
    good = '{"a": "naïve café"}\n'.encode()
    bad = good * before + b'{"a": "caf\xe9"}\n'
    text = refusal(tmp_path, "a.jsonl", bad)
    assert f"a.jsonl, line {before + 1}: byte 0xe9 at position {len(good) * before + 10} is not utf-8" in text
    assert bad[len(good) * before + 10] == 0xE9


def test_a_character_that_straddles_two_reads_is_whole_and_one_cut_off_at_the_end_is_not(tmp_path: Path) -> None:
    filler = b'{"a": "' + b"x" * ((1 << 20) - 8)
    row = filler + "é".encode() + b'"}\n'
    assert row[(1 << 20) - 1 : (1 << 20) + 1] == "é".encode()
    assert len(read(tmp_path, "a.jsonl", row).rows) == 1
    text = refusal(tmp_path, "a.jsonl", filler + "é".encode()[:1])
    assert f"line 1: byte 0xc3 at position {(1 << 20) - 1} is not utf-8" in text


@pytest.mark.parametrize(("value", "text"), [(float("nan"), "nan is no number"), (b"\0\1", "a value of type bytes")])
def test_parquet_values_that_json_cannot_hold_are_refused_in_columns_that_are_used(
    tmp_path: Path, value: object, text: str
) -> None:
    parquet(tmp_path / "a.parquet", {"a": [value], "b": ["fine"]})
    with pytest.raises(DataError, match=rf"a\.parquet, row 1, field 'a': {text}"):
        read_files([tmp_path / "a.parquet"])
    assert values(read_files([tmp_path / "a.parquet"], wanted={"b"})) == [{"b": "fine"}]


ALONE = """
import socket, sys
tried = []
def refuse(*args, **_kwargs):
    tried.append(args)
    raise OSError("no network here")
socket.socket.connect = socket.getaddrinfo = refuse
from pathlib import Path
from optimizer.data import read_files
print(len(read_files([Path(sys.argv[1])]).rows), tried)
"""
OFFLINE = """
import sys
from optimizer.data import read_hub
from optimizer.errors import DataError
try:
    read_hub("someone/something")
except DataError as error:
    print(error)
print([(row.place, row.values) for row in read_hub(sys.argv[1], split="test", wanted={"text", "label"}).rows])
try:
    read_hub(sys.argv[1], split="tset")
except DataError as error:
    print(error)
"""


def test_reading_a_file_leaves_nothing_behind_and_asks_no_network(tmp_path: Path) -> None:
    """In a process of its own, with an empty home: where the user's data would be cached."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    (tmp_path / "a.jsonl").write_text('{"a": "private"}\n' * 3, "utf-8")
    done = run(ALONE, str(tmp_path / "a.jsonl"), HOME=str(home), TMPDIR=str(temporary))
    assert done == "3 []\n"
    assert not list(temporary.iterdir())
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_hub_datasets_come_with_label_names_and_without_a_network_when_the_user_works_offline(tmp_path: Path) -> None:
    """A folder of files stands in for a dataset that is there: the library reads both in the same way."""
    hub = tmp_path / "hub"
    hub.mkdir()
    labels = Features({"text": Value("string"), "label": ClassLabel(names=["low", "high"]), "n": Value("int64")})
    parquet(hub / "test.parquet", {"text": ["a", "b"], "label": [1, 0], "n": [1, 2]}, labels)
    found = run(OFFLINE, str(hub), HOME=str(tmp_path), HF_HUB_OFFLINE="1").splitlines()
    assert found[0].startswith("hub dataset 'someone/something' (config None, split train): ")
    assert "HF_HUB_OFFLINE=1 allows only what was downloaded before" in found[0]
    first, second = ({"text": "a", "label": "high"}, {"text": "b", "label": "low"})
    assert found[1] == str([(f"{hub}, row 1", first), (f"{hub}, row 2", second)])
    assert "split tset): " in found[2] and "test" in found[2].partition("): ")[2]


def run(code: str, *arguments: str, **environment: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "XDG_"))}
    kept |= {"PYTHONPATH": str(Path(__file__).parents[2])} | environment
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=kept, capture_output=True, text=True, check=True
    ).stdout


def test_a_folder_is_no_file_of_examples_also_one_that_a_library_saved(tmp_path: Path) -> None:
    Dataset.from_dict({"a": ["x"]}).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match=r"^saved: is a folder; name the files in it, .*load_from_disk"):
        read_files([tmp_path / "saved"])
