"""How much two sequences have in common. Bits of Python's long integers do a row of the table at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence, Set


def multiset_f1(ours: Sequence[Hashable], right: Sequence[Hashable], same: bool) -> float:
    """F1 of the items in common, counted as often as they occur in both. `same` decides where either has none."""
    if not ours or not right:
        return float(same)
    return 2 * (Counter(ours) & Counter(right)).total() / (len(ours) + len(right))


def set_f1(ours: Set[Hashable], right: Set[Hashable]) -> float:
    """F1 of two sets; two empty ones are equal."""
    return 2 * len(ours & right) / (len(ours) + len(right)) if ours or right else 1.0


def lcs_f1(ours: Sequence[Hashable], right: Sequence[Hashable], same: bool) -> float:
    """F1 of the longest common subsequence. `same` decides where either has no items."""
    if not ours or not right:
        return float(same)
    return 2 * common_subsequence(ours, right) / (len(ours) + len(right))


def common_subsequence(ours: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence (Hyyrö 2004)."""
    places = _places(ours)
    everything = (1 << len(ours)) - 1
    row = everything  # a zero bit: the subsequence grows by one at this place
    for item in right:
        hit = row & places.get(item, 0)
        row = (row + hit | row - hit) & everything
    return len(ours) - row.bit_count()


def distance(ours: str, right: str) -> int:
    """Levenshtein's: insertions, deletions and replacements (Myers 1999, Hyyrö 2003)."""
    if not ours or not right:
        return len(ours) + len(right)
    places, everything, last = _places(ours), (1 << len(ours)) - 1, 1 << len(ours) - 1
    up, down, edits = everything, 0, len(ours)  # where the column rises or falls by one
    for item in right:
        equal = places.get(item, 0)
        diagonal = ((equal & up) + up ^ up) | equal | down
        rises, falls = down | ~(diagonal | up) & everything, up & diagonal
        edits += bool(rises & last) - bool(falls & last)
        rises, falls = rises << 1 | 1, falls << 1
        up, down = (falls | ~(diagonal | rises)) & everything, rises & diagonal & everything
    return edits


def _places(items: Sequence[Hashable]) -> dict[Hashable, int]:
    places: dict[Hashable, int] = {}
    for at, item in enumerate(items):
        places[item] = places.get(item, 0) | 1 << at
    return places
