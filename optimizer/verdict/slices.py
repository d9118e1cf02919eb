"""Parts of the held-out examples, and what happens in them: a mean can hide that some customers are worse off.

Slices are found from inputs and columns alone, never from scores: by the values of a column, and by clusters of
inputs with words in common (TF-IDF, k-means). Each is compared as the whole is, with the confidence shared out among
all that are tested (Bonferroni): where nothing differs in truth, the chance that any slice at all is called worse is
at most 1 - confidence, however many there are and however they overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from optimizer.types import Example, as_text
from optimizer.verdict.statistics import paired

CLUSTER = "inputs like"  # the name of the column that nobody wrote
LEAST = 10  # examples without which a slice is not tested
_MOST = 40  # slices of one column; the largest are taken
_PER_CLUSTER = 25  # examples; as many clusters as that allows, but no more than _CLUSTERS
_CLUSTERS = 8
_SHOWN = 5  # examples that are named for each slice that is worse
_READ = 5_000  # characters of an input that are looked at


@dataclass(frozen=True)
class Slice:
    """`members`: places in the sequence of examples."""

    column: str
    value: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class SliceResult:
    """`difference` is target minus source; `low` and `high` hold for all slices together. `worst`: ids of the
    examples that lost most, where the slice is surely worse."""

    column: str
    value: str
    n: int
    source: float
    migrated: float
    difference: float
    low: float
    high: float
    worst: tuple[str, ...] = ()

    @property
    def worse(self) -> bool:
        """Surely so, even after looking at all slices."""
        return self.high < 0

    @property
    def name(self) -> str:
        return f"{self.column} {self.value}" if self.column == CLUSTER else f"{self.column} = {self.value}"


def text_of(example: Example) -> str:
    """By what an example is likened to others: all of its inputs."""
    return " ".join(map(as_text, example.inputs.values()))


def find_slices(
    texts: Sequence[str], columns: Mapping[str, Sequence[str]], *, clusters: int | None = None, least: int = LEAST
) -> tuple[Slice, ...]:
    """The slices of examples with these input texts and column values; what is smaller than `least` is left out.

    `clusters`: how many to look for; None: by the number of examples, 0: none. Equal parts are taken once.
    """
    wanted = min(_CLUSTERS, len(texts) // _PER_CLUSTER) if clusters is None else clusters
    found = [part for name, values in columns.items() for part in _by_value(name, values, least)]
    if 1 < wanted < len(texts):
        found += _clusters(texts, wanted, least)
    known: dict[tuple[int, ...], Slice] = {}
    for part in found:
        if len(part.members) < len(texts):
            known.setdefault(part.members, part)
    return tuple(known.values())


def weigh_slices(
    slices: Sequence[Slice],
    ours: Mapping[int, float],
    theirs: Mapping[int, float],
    ids: Sequence[str],
    *,
    confidence: float,
    least: int = LEAST,
) -> tuple[SliceResult, ...]:
    """Each slice's comparison. `ours` and `theirs`: scores by place, for the examples that both sides answered."""
    left = [(part, [i for i in part.members if i in ours]) for part in slices]
    tested = [(part, members) for part, members in left if len(members) >= least]
    each = 1 - (1 - confidence) / max(1, len(tested))
    return tuple(_weigh(part, [(ids[i], ours[i], theirs[i]) for i in members], each) for part, members in tested)


def _weigh(part: Slice, rows: Sequence[tuple[str, float, float]], confidence: float) -> SliceResult:
    """`rows`: id, our score, their score."""
    mine, other = [ours for _, ours, _ in rows], [theirs for *_, theirs in rows]
    found = paired(mine, other, margin=0.0, confidence=confidence)
    lost = sorted((ours - theirs, name) for name, ours, theirs in rows if ours < theirs)
    worst = tuple(name for _, name in lost[:_SHOWN]) if found.high < 0 else ()
    return SliceResult(
        part.column, part.value, len(rows), fmean(other), fmean(mine), found.mean, found.low, found.high, worst
    )


def _by_value(name: str, values: Sequence[str], least: int) -> list[Slice]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        if value:
            places[value].append(place)
    large = sorted((item for item in places.items() if len(item[1]) >= least), key=lambda item: -len(item[1]))
    return [Slice(name, value, tuple(members)) for value, members in large[:_MOST]]


def _clusters(texts: Sequence[str], count: int, least: int) -> list[Slice]:
    """By k-means on TF-IDF, the same each time; named by the words that set a cluster apart."""
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import TfidfVectorizer

    read = TfidfVectorizer(sublinear_tf=True, min_df=2, max_df=0.5, max_features=5_000)
    try:
        vectors = read.fit_transform([text[:_READ] for text in texts])
    except ValueError:  # no word occurs in two texts, or every word in most of them
        return []
    ends = zip(vectors.indptr, vectors.indptr[1:], strict=False)
    if len({vectors.indices[a:b].tobytes() + vectors.data[a:b].tobytes() for a, b in ends}) < count:
        return []
    labels = KMeans(count, n_init=10, random_state=0).fit_predict(vectors)
    words, overall = read.get_feature_names_out(), np.asarray(vectors.mean(axis=0)).ravel()
    found = []
    for label in range(count):
        members = tuple(int(i) for i in np.flatnonzero(labels == label))
        if len(members) >= least:
            apart = np.asarray(vectors[list(members)].mean(axis=0)).ravel() - overall
            named = [str(words[i]) for i in np.argsort(-apart, kind="stable")[:3] if apart[i] > 0]
            found.append(Slice(CLUSTER, f"“{', '.join(named)}”", members))
    return sorted(found, key=lambda part: (-len(part.members), part.value))
