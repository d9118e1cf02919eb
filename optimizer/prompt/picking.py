"""Worked examples that are picked for each request: the pool, weighed as the bundle's reader compares it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer import reader
from optimizer.types import Inputs


@dataclass(frozen=True)
class Picking:
    """In each request the `count` worked examples that are most like its inputs; the most alike first, or last."""

    count: int
    best_last: bool = False


def pooled(entries: Sequence[tuple[str, Inputs, str]], names: Iterable[str], count: int) -> dict[str, Any] | None:
    """What `reader.pick` picks from, out of (question, inputs, reply); None where there is nothing to pick.

    Of several examples with the same words only the first counts, so that at most one of the pool can be the very
    input that is asked about: `count` always stays one below their number. `idf` weighs a word by how few examples
    have it: the square of scikit-learn's smoothed inverse document frequency, in thousandths.
    """
    wanted, found = sorted(names), dict[frozenset[str], tuple[str, str]]()
    for question, inputs, reply in entries:
        found.setdefault(frozenset(reader.words({name: inputs[name] for name in wanted})), (question, reply))
    seen = Counter(word for words in found for word in words)
    weights = {word: round(1000 * (math.log((1 + len(found)) / (1 + n)) + 1) ** 2) for word, n in seen.items()}
    pool = []
    for words, (question, reply) in found.items():
        idf = {word: weights[word] for word in sorted(words)}
        pool.append({"input": question, "output": reply, "idf": idf, "size": max(1, sum(idf.values()))})
    count = min(count, len(pool) - 1)
    return {"count": count, "pool": pool} if count > 0 else None
