"""How like real files the simulated ones are: ``measure(path)`` of one file, ``ranges(real_files)`` of many."""

from benchmarks.realism.cells import NotComparableError
from benchmarks.realism.compare import MEASURES, fcs_files, measure, ranges, verdicts

__all__ = ["MEASURES", "NotComparableError", "fcs_files", "measure", "ranges", "verdicts"]
