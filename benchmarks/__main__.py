"""Run the benchmarks: `python -m benchmarks`. They report, and never fail on a figure."""

from __future__ import annotations

from benchmarks import calibration, same
from benchmarks.tables import __main__ as tables

if __name__ == "__main__":
    calibration.main([])
    same.main([])
    tables.main([])
