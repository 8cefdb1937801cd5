"""Where the time of one file goes, step by step in one process: ``python -m benchmarks.speed.steps FOLDER``."""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import flowkit as fk

from benchmarks.speed.processes import CHECKOUT
from cytotrial.cytometry.event_blocks import open_events
from cytotrial.cytometry.fcs import read_fcs
from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.tube import open_tube
from cytotrial.figures.gates import draw_gates
from cytotrial.gating.flowkit_model import flowkit_strategy
from cytotrial.gating.gated_file import gate_file
from cytotrial.gating.grids import write_grids
from cytotrial.gating.ledger import gate_rows, landmark_rows
from cytotrial.gating.placing import place_gates
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.gating.tree_from_ledger import ledger_tree
from cytotrial.simulate.fcs.keywords import Specimen, fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.parameters import tube_parameters
from cytotrial.simulate.tube import simulate_tube

PANEL = "treg"
Steps = dict[str, Callable[[], object]]


def steps(folder: Path, n_events: int) -> Steps:
    """Write a tube, place its gates once, and hand back what is to be timed."""
    path = write_tube(folder / "tube.fcs", n_events)
    panel = load_panel(CHECKOUT / f"config/panels/{PANEL}.yaml")
    strategy = load_strategy(CHECKOUT / f"config/gating/{PANEL}.yaml")
    tube = open_tube(path, panel, strategy.scale, sample_id="tube")
    rules = {rule.id: rule for rule in strategy.rules}
    gates = gate_rows(agree(landmark_rows(tube, place_gates(tube, strategy), sample=about_sample()), rules)[0])
    tree = ledger_tree(strategy, gates, tube.axes, tube.spillover)
    flowkit = flowkit_strategy(tree, tube.file.names)
    gated = gate_file(open_events(path), strategy, gates, tube.axes, tube.spillover)
    return {
        "FlowKit: read and gate": lambda: flowkit.gate_sample(fk.Sample(str(path))),
        "intake: SHA-256, header and text": lambda: read_fcs(path),
        "intake, every event": lambda: open_events(path).array(),
        "intake, channels, scales": lambda: open_tube(path, panel, strategy.scale, sample_id="tube"),
        "place every gate, intake included": lambda: place_gates(
            open_tube(path, panel, strategy.scale, sample_id="tube"), strategy
        ),
        "apply every gate, with density grids": lambda: gate_file(
            open_events(path), strategy, gates, tube.axes, tube.spillover
        ),
        "write the density grids": lambda: write_grids(folder / "tube.npz", gated.grids),
        "draw the picture": lambda: draw_gates(gated.grids, gates, title="tube", synthetic=True),
    }


def write_tube(path: Path, n_events: int) -> Path:
    """A T cell tube of the bundled panel."""
    parameters = replace(tube_parameters(PANEL), n_events=n_events)
    tube = simulate_tube(parameters, seed=1)
    about = Specimen(path.name, "S", "T", "benchmark", datetime(2020, 1, 1), "benchmarks.speed")
    write_fcs(path, tube.events, keywords=fcs_keywords(tube, parameters, specimen=about), form=parameters.form)
    return path


def about_sample() -> dict[str, Any]:
    """What the sheet would say of the tube."""
    unknown = dict.fromkeys(("batch", "condition", "site"))
    return {"sample_id": "tube", "panel": PANEL, "subject_id": "S", "is_control": False, **unknown}


def timed(wanted: Steps, rounds: int) -> list[dict[str, Any]]:
    """Each step in turn, so many rounds: rows of ``step`` and ``ms``, the median of the wall time."""
    taken: dict[str, list[float]] = {name: [] for name in wanted}
    for _ in range(rounds):
        for name, step in wanted.items():
            start = time.perf_counter()
            step()
            taken[name].append(1000 * (time.perf_counter() - start))
    return [{"step": name, "ms": statistics.median(values)} for name, values in taken.items()]


def main() -> None:
    """Print the rows as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.steps", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    json.dump(timed(steps(arguments.folder, arguments.events), arguments.rounds), sys.stdout)


if __name__ == "__main__":
    main()
