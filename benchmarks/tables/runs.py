"""Runs a method on a table at a budget over many seeds, and keeps what came out, so that a run can be cut off.

A cell is a file `<table>-<method>-<budget>-<digest>.csv` with one line per seed: seed, regret, bias. The digest is
that of the code behind it: what other code has measured is never taken for this code's.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks.tables import bandits, floor, ours, pruned, rivals
from benchmarks.tables import game as games
from benchmarks.tables.game import Game
from benchmarks.tables.recorded import Landscape, Matrix, recorded
from benchmarks.tables.rivals import Method
from optimizer.search import loop, race, twoway

METHODS: Mapping[str, Method] = {
    "race": ours.race,
    "race, warm start": ours.warm_race,
    "engine": ours.engine,
    "uniform": rivals.uniform,
    "full evaluation": rivals.full_evaluation,
    "sequential halving": rivals.sequential_halving,
    "TPE and WilcoxonPruner": pruned.tpe_and_wilcoxon,
    "TRIPLE, continuous rejection": bandits.continuous_rejection,
    "UCB-E": bandits.ucb_e,
    "top-two Thompson": bandits.top_two_thompson,
    "CAPO's racing": rivals.capo_racing,
    "the best six, named by an oracle": floor.best_named,
    "every answer there is": floor.everything,
}
OURS, ENGINE = ("race", "race, warm start"), "engine"


@dataclass(frozen=True)
class Cell:
    table: str
    method: str
    budget: int  # calls per prompt
    seeds: int
    link: float = games.LINK  # of answers that are drawn

    def file(self, home: Path) -> Path:
        drawn = f"-link-{self.link}" if self.link != games.LINK else ""
        name = f"{self.table}-{self.method}-{self.budget}{drawn}-{_digest(self.method)}.csv"
        return home / "".join(c if c.isalnum() or c in "-_." else "-" for c in name)


@dataclass(frozen=True)
class Outcome:
    """By seed: the regret of the choice, its reported quality minus the true one, and whether the first was kept."""

    regret: Matrix
    bias: Matrix
    kept: Matrix


def run(cells: Sequence[Cell], home: Path, jobs: int, say: Callable[[str], None]) -> dict[Cell, Outcome]:
    """All cells; those that were measured before are read."""
    home.mkdir(parents=True, exist_ok=True)
    work = partial(measure, home=home)
    with ProcessPoolExecutor(jobs) as pool:
        done: Iterable[Outcome] = pool.map(work, cells) if jobs > 1 else map(work, cells)
        found = {}
        for cell, outcome in zip(cells, done, strict=True):
            say(f"{cell.table} {cell.budget}x {cell.method}: {100 * outcome.regret.mean():.2f}")
            found[cell] = outcome
    return found


def measure(cell: Cell, home: Path) -> Outcome:
    file = cell.file(home)
    rows = _read(file)
    with file.open("a", encoding="utf-8", newline="") as out:
        for seed in range(len(rows), cell.seeds):
            row = _play(cell, seed)
            rows.append(row)
            csv.writer(out).writerow([seed, *(f"{value:.6f}" for value in row)])
            out.flush()
    values = np.array(rows[: cell.seeds])
    return Outcome(values[:, 0], values[:, 1], values[:, 2])


def _play(cell: Cell, seed: int) -> tuple[float, float, float]:
    played = _game(cell.table, seed, cell.link)
    rng = np.random.default_rng([seed, 13])
    chosen, told = METHODS[cell.method](played, cell.budget * played.prompts, rng)
    return played.regret(chosen), told - float(played.truth[chosen]), float(chosen == 0)


def _read(file: Path) -> list[tuple[float, float, float]]:
    """The seeds from 0 on that are there, without a line that was cut off."""
    if not file.exists():
        return []
    whole = [line for line in file.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
    file.write_text("".join(whole), encoding="utf-8")
    return [(float(regret), float(bias), float(kept)) for _, regret, bias, kept in csv.reader(whole)]


@cache
def _landscapes(table: str) -> list[Landscape]:
    return recorded(table)


@cache
def _game(table: str, seed: int, link: float) -> Game:
    return games.game(_landscapes(table), seed, games.MOST.get(table), link)


@cache
def _digest(method: str) -> str:
    """Of the code that a method's figures come from."""
    shared = [games.__file__, Path(__file__).with_name("recorded.py")]
    own = [METHODS[method].__code__.co_filename]
    if method in (*OURS, ENGINE):
        own += [race.__file__, twoway.__file__]
    if method == ENGINE:
        own += [loop.__file__]
    return hashlib.sha256(b"".join(Path(str(file)).read_bytes() for file in [*shared, *own])).hexdigest()[:8]
