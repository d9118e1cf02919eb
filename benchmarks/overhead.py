"""What the engine takes beside the model's time, and how that grows: `python -m benchmarks.overhead`.

A search over the standard space towards a model that answers at once, so that all the time is the engine's. It is set
against the time that the same calls would take at 20 ms each, one after the other, and shown for more and more trials.
The record for Optuna's dashboard is kept along the way, as in every run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from optimizer.habits import habits_of
from optimizer.models.scripted import ScriptedModel
from optimizer.objective import Constraints, Objective, Unit
from optimizer.prompt import Prompt
from optimizer.prompt.contract import Contract
from optimizer.search.brief import Brief, Cast, Effort, Ground, Scale
from optimizer.search.live import Live
from optimizer.search.loop import search
from optimizer.space import SearchSpace
from optimizer.types import Example, Output, Request, Score
from search_spaces import STANDARD

RESULTS = Path(__file__).parent / "results"
CALL = 0.02  # seconds
SPACE = SearchSpace(tuple(d for d in STANDARD.dimensions if d.name != "program"))  # compiling is DSPy's time, not ours
EXAMPLES = [Example(f"e{n}", {"n": n}, "even" if n % 2 == 0 else "odd") for n in range(180)]
PROMPT = Prompt.from_messages(
    [{"role": "system", "content": "Say what the number is."}, {"role": "user", "content": "Number: {{n}}"}],
    contract=Contract("labels", ("even", "odd")),
)


def answer(request: Request) -> str:
    """Every form is about as good as its checksum says."""
    skill = zlib.crc32(repr(request.messages[:-1]).encode()) % 10
    right = zlib.crc32(repr(request.messages).encode()) % 10 < skill
    number = int(request.messages[-1].content.split("Number: ")[-1].split()[0])
    return "even" if (number % 2 == 0) == right else "odd"


def same(example: Example, output: Output, reference: Output | None) -> Score:  # noqa: ARG001
    return Score(float(output.value == example.expected))


def engine(trials: int) -> tuple[float, int]:
    """CPU seconds of a search with so many trials, and the calls that it made."""
    references = {e.id: Output(e.id, str(e.expected), e.expected, cost=1e-4, latency=0.1) for e in EXAMPLES}
    calls = [0]

    def counted(request: Request) -> str:
        calls[0] += 1
        return answer(request)

    made = Brief(
        Ground(EXAMPLES[:60], EXAMPLES[60:], references, {e.id: str(e.expected) for e in EXAMPLES}),
        Scale(same, Objective(), Constraints(), Unit(1e-4, 0.1)),
        Cast(ScriptedModel(counted), ScriptedModel(lambda _: "no", name="proposer"), habits_of("target")),
        Effort(trials=trials, least_gain=0.0),
    )
    with tempfile.TemporaryDirectory() as folder:
        live = Live(Path(folder) / "study.journal")
        before = time.process_time()
        search(PROMPT, SPACE, replace(made, show=lambda look, due: live.show("target", look, due=due)))
        return time.process_time() - before, calls[0]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description="The engine's own time.")
    parser.add_argument("--trials", type=int, nargs="+", default=[50, 200, 1000, 5000])
    chosen = parser.parse_args(arguments)
    engine(8)  # imports
    lines = [
        "| trials | calls | engine, CPU s | ms a call | share of a run at 20 ms a call |",
        "|---:|---:|---:|---:|---:|",
    ]
    for trials in chosen.trials:
        seconds, calls = engine(trials)
        share = seconds / (seconds + calls * CALL)
        lines.append(f"| {trials} | {calls} | {seconds:.1f} | {1000 * seconds / calls:.2f} | {100 * share:.1f} % |")
        print(lines[-1], file=sys.stderr, flush=True)
    (RESULTS / "overhead.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
