"""From a file that is right to one that is not."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_TOKENS = (
    *(
        b"",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\r\n",
        b"\n",
        b"\t",
        b" ",
        b"\x1b[2J",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b"\\",
        b":",
        b",",
        b"- ",
        b"#",
        b"|",
        b">",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!python/x ",
    ),
    *(b"{{", b"}}", b"{%", b"%}", b"{#", b"${x}", b"{x}", b"{{#each x}}", b"{% include 'x' %}", b"{{ ''.__class__ }}"),
    *(
        b"null",
        b"true",
        b"NaN",
        b"Infinity",
        b"-0",
        b"1e999",
        b"9" * 400,
        b"-1",
        b"0x10",
        b"1_000",
        b"2026-11-22",
        b"~",
    ),
    *(
        b"../../x",
        b"/etc/passwd",
        b"file://x",
        b"=cmd()",
        b"__proto__",
        b"id",
        b"expected",
        b"prompt",
        b"data",
        b"metrics",
    ),
    b"[" * 3000,
    b'{"a":' * 3000,
    b"- " * 3000,
    b"x" * 70_000,
    b"x: &a [*a, *a, *a, *a]\n",
)


def mutated(seeds: Sequence[bytes], random: Random) -> bytes:
    """One of `seeds` after one to six small accidents."""
    data = random.choice(seeds)
    for _ in range(random.randint(1, 6)):
        data = random.choice(_ACCIDENTS)(data, seeds, random)
    return data[:400_000]


def _flipped(data: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    del seeds
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    del seeds
    start, end = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    return data[:start] if random.random() < 0.2 else data[:start] + data[min(end, start + 200) :]


def _told_twice(data: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    del seeds
    start = random.randint(0, len(data))
    part = data[start : start + random.randint(1, 300)]
    return data[:start] + part * random.randint(2, 4) + data[start + len(part) :]


def _put_in(data: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    del seeds
    at, length = random.randint(0, len(data)), random.choice((0, 0, 1, 5))
    return data[:at] + random.choice(_TOKENS) + data[at + length :]


def _value_changed(data: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    """What stands behind a colon or between commas becomes something else: the file stays well-formed more often."""
    del seeds
    marks = [at for at, sign in enumerate(data[:20_000]) if sign in b":,"]
    if not marks:
        return data
    at = random.choice(marks) + 1
    end = min((found for sign in (b",", b"\n", b"}", b"]") if (found := data.find(sign, at)) >= 0), default=len(data))
    return data[:at] + b" " + random.choice(_TOKENS) + data[end:]


def _line_moved(data: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    lines = data.split(b"\n")
    other = random.choice(seeds).split(b"\n")
    lines[random.randrange(len(lines))] = random.choice(other)
    return b"\n".join(lines)


_ACCIDENTS = (_flipped, _cut, _told_twice, _put_in, _put_in, _value_changed, _value_changed, _line_moved)
