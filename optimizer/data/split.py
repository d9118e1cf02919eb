"""Divide the examples in three, once, by seed.

Examples with equal inputs (but for white space) and examples of one group never straddle two parts. None of
scikit-learn's splitters keeps groups, duplicates and strata at once, and importing it takes longer than the
rest of `promptport check`; hence the few lines of arithmetic below.

The division depends on what the examples say and on the seed, not on the order of the rows: every part comes
in an order of its own, drawn by the seed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from optimizer.errors import DataError
from optimizer.types import JSON, Example

PARTS = ("train", "validation", "test")
LEAST = (1, 2, 2)  # examples without which a part is no use at all; a part with the fraction 0 stays empty

_ENCODE = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
Strata = Callable[[Example], str] | Mapping[str, str]


@dataclass(frozen=True)
class Split:
    """`train` feeds demos and compilers, `validation` guides the search, `test` confirms it once."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    notes: tuple[str, ...] = ()

    @property
    def ids(self) -> dict[str, tuple[str, ...]]:
        return {part: tuple(example.id for example in getattr(self, part)) for part in PARTS}


@dataclass(frozen=True)
class _Block:
    """Examples that must stay together. `key` orders blocks by seed and content."""

    key: str
    examples: tuple[Example, ...]
    strata: Mapping[str, int]

    @property
    def size(self) -> int:
        return len(self.examples)

    @property
    def stratum(self) -> str:
        return next(iter(self.strata))


def split_examples(
    examples: Sequence[Example],
    fractions: tuple[float, float, float],
    *,
    seed: int = 0,
    strata: Strata | None = None,
) -> Split:
    """`fractions` of train, validation and test; `strata`: the stratum of an example, or of an id.

    Raises DataError where a part would be left without examples.
    """
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise DataError(
                f"the id {example.id!r} stands twice, so a test example could be trained on; make ids unique"
            )
        seen.add(example.id)
    _refuse_few(len(examples), len(examples), fractions)
    blocks = _blocks(examples, seed, strata)
    placed = _place(blocks, fractions)
    parts = [tuple(e for block in blocks if placed[block.key] == p for e in block.examples) for p in range(3)]
    for part, share, least, held in zip(PARTS, fractions, LEAST, parts, strict=True):
        if share and len(held) < least:
            _refuse_few(len(examples), len(blocks), fractions, part, len(held))
    return Split(parts[0], parts[1], parts[2], tuple(_notes(blocks, parts, fractions)))


def content_key(inputs: Mapping[str, JSON]) -> str:
    """Equal for inputs that differ in white space alone."""
    return _ENCODE(_squeezed(dict(inputs)))


def _squeezed(value: JSON) -> JSON:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, list):
        return [_squeezed(item) for item in value]
    if isinstance(value, dict):
        return {name: _squeezed(item) for name, item in value.items()}
    return value


def _blocks(examples: Sequence[Example], seed: int, strata: Strata | None) -> list[_Block]:
    """Examples joined by equal inputs or by group, directly or over others; in the order of their keys."""
    digests = [_digest(seed, content_key(example.inputs)) for example in examples]
    roots = _Union()
    for example, digest in zip(examples, digests, strict=True):
        if example.group is not None:
            roots.join(f"input {digest}", f"group {example.group}")
    members: dict[str, list[tuple[str, Example]]] = defaultdict(list)
    for example, digest in zip(examples, digests, strict=True):
        members[roots.of(f"input {digest}")].append((digest, example))
    blocks = []
    for found in members.values():
        found.sort(key=lambda pair: (pair[0], _ENCODE(pair[1].expected), pair[1].id))
        kept = tuple(example for _, example in found)
        counts = Counter(_stratum(example, strata) for example in kept)
        blocks.append(_Block(found[0][0], kept, dict(sorted(counts.items()))))
    return sorted(blocks, key=lambda block: block.key)


def _stratum(example: Example, strata: Strata | None) -> str:
    if strata is None:
        return ""
    return strata.get(example.id, "") if isinstance(strata, Mapping) else strata(example)


def _place(blocks: Sequence[_Block], fractions: Sequence[float]) -> dict[str, int]:
    """The part of each block, by its key: large blocks first, then single examples level the strata."""
    totals: Counter[str] = Counter()
    for block in blocks:
        totals.update(block.strata)
    held: list[Counter[str]] = [Counter(), Counter(), Counter()]
    placed: dict[str, int] = {}
    for block in sorted((b for b in blocks if b.size > 1), key=lambda b: (-b.size, b.key)):
        part = min((p for p in range(3) if fractions[p]), key=lambda p: _strain(block, p, held, totals, fractions))
        held[part].update(block.strata)
        placed[block.key] = part
    singles: dict[str, list[_Block]] = defaultdict(list)
    for block in blocks:
        if block.size == 1:
            singles[block.stratum].append(block)
    return placed | _level(singles, held, totals, fractions)


def _strain(
    block: _Block, part: int, held: Sequence[Counter[str]], totals: Counter[str], fractions: Sequence[float]
) -> float:
    """By how much the squared distance from the wanted sizes grows, in every stratum and overall."""
    has, share, everything = held[part], fractions[part], totals.total()
    overall = block.size * (2 * (has.total() - share * everything) + block.size) / everything
    return overall + sum(n * (2 * (has[s] - share * totals[s]) + n) / totals[s] for s, n in block.strata.items())


def _level(
    singles: Mapping[str, Sequence[_Block]],
    held: Sequence[Counter[str]],
    totals: Counter[str],
    fractions: Sequence[float],
) -> dict[str, int]:
    """Deal single examples out, stratum after stratum, each to the part that is furthest behind its due.

    What is due runs on from stratum to stratum, so no stratum is off by two and many small ones do not
    all round towards the same part.
    """
    placed: dict[str, int] = {}
    due = [0.0, 0.0, 0.0]
    for stratum in sorted(singles):
        wanted = [max(0.0, fractions[p] * totals[stratum] - held[p][stratum]) for p in range(3)]
        share = [w / sum(wanted) for w in wanted] if sum(wanted) else list(fractions)
        for block in singles[stratum]:
            due = [d + s for d, s in zip(due, share, strict=True)]
            part = max(range(3), key=lambda p: (share[p] > 0, due[p]))
            due[part] -= 1
            placed[block.key] = part
    return placed


def _refuse_few(
    rows: int, blocks: int, fractions: Sequence[float], part: str | None = None, found: int | None = None
) -> None:
    """With a `part`: refuse. Without: refuse only where the rows cannot be enough, however they fall."""
    least = sum(n for n, share in zip(LEAST, fractions, strict=True) if share)
    if part is None and rows >= least:
        return
    kept = f" ({blocks} when duplicates and groups are kept together)" if blocks < rows else ""
    got = f"the part {part!r} gets only {found} of" if part else "there are only"
    shares = ", ".join(f"{name} {share:g}" for name, share in zip(PARTS, fractions, strict=True))
    way = "give more examples" if part is None else "give more examples, smaller groups or other fractions (split:)"
    need = f"at least {least} are needed" if part is None else f"it needs at least {LEAST[PARTS.index(part)]}"
    raise DataError(f"split: {got} {rows} examples{kept}; with {shares}, {need}: {way}")


def _notes(blocks: Sequence[_Block], parts: Sequence[Sequence[Example]], fractions: Sequence[float]) -> Iterable[str]:
    rows = sum(block.size for block in blocks)
    largest = max(blocks, key=lambda block: block.size)
    if largest.size > fractions[2] * rows:
        group = (
            f"the group {largest.examples[0].group!r}" if largest.examples[0].group is not None else "one set of rows"
        )
        yield f"split: {group} holds {largest.size} of {rows} examples, more than the test part's share"
    for name, share, held in zip(PARTS, fractions, parts, strict=True):
        if abs(len(held) - share * rows) > max(2, 0.1 * share * rows):
            yield f"split: {name} holds {len(held)} examples instead of {share * rows:.0f}, to keep groups together"


def _digest(seed: int, content: str) -> str:
    return hashlib.sha256(f"{seed}\n{content}".encode()).hexdigest()


class _Union:
    """Disjoint sets of names."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, name: str) -> str:
        root = name
        while (above := self._parent.get(root, root)) != root:
            root = above
        while (above := self._parent.get(name, name)) != root:
            self._parent[name] = root
            name = above
        return root

    def join(self, one: str, other: str) -> None:
        self._parent[self.of(one)] = self.of(other)
