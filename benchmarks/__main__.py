"""Run the benchmarks: `python -m benchmarks`. They report, and never fail on a figure. All of them take hours."""

from __future__ import annotations

from benchmarks import ablation, calibration, estimates, exhaustive, limits, overhead, same, scale, throughput
from benchmarks.peers import __main__ as peers
from benchmarks.tables import __main__ as tables
from benchmarks.tables import alike

if __name__ == "__main__":
    calibration.main([])
    same.main([])
    overhead.main([])
    estimates.main([])
    exhaustive.main([])
    throughput.main([])
    limits.main([])
    scale.main([])
    tables.main([])
    alike.main([])
    ablation.main([])
    peers.main([])
