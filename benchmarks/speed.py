"""Where the time of one file goes, as ratios measured side by side in one run: ``python -m benchmarks.speed``."""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import flowkit as fk

from cytotrial.cytometry.fcs import read_fcs
from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.tube import open_tube
from cytotrial.gating.flowkit_model import gate_tube
from cytotrial.gating.ledger import gate_rows, landmark_rows
from cytotrial.gating.membership import agreed_steps
from cytotrial.gating.placing import place_gates
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.simulate.fcs.keywords import Specimen, fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.parameters import tube_parameters
from cytotrial.simulate.tube import simulate_tube

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Time each step of a synthetic Treg tube in turn, `--rounds` times, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        steps = prepare(Path(folder) / "tube.fcs", arguments.events)
        taken: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(arguments.rounds):
            for name, step in steps.items():
                start = time.perf_counter()
                step()
                taken[name].append(1000 * (time.perf_counter() - start))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    base = medians["FlowKit: read and gate"]
    print(f"one SYNTHETIC Treg tube of {arguments.events:,} events, medians of {arguments.rounds} interleaved rounds")
    for name, median in medians.items():
        print(f"{name:42s} {median:8.1f} ms {median / base:6.2f} x FlowKit's own loop")


def prepare(path: Path, n_events: int) -> dict[str, Callable[[], object]]:
    """Write the tube, place its gates once, and hand back what is to be timed."""
    parameters = replace(tube_parameters("treg", trial="he2020"), n_events=n_events)
    tube = simulate_tube(parameters, seed=1)
    about = Specimen(path.name, "S", "T", "benchmark", datetime(2020, 1, 1), "benchmarks.speed")
    write_fcs(path, tube.events, keywords=fcs_keywords(tube, parameters, specimen=about))
    panel = load_panel(ROOT / "config" / "panels" / "treg.yaml")
    strategy = load_strategy(ROOT / "config" / "gating" / "treg.yaml")
    opened = open_tube(path, panel, strategy.scale, sample_id="tube")
    where = {
        "sample_id": "tube",
        "panel": "treg",
        "subject_id": "S",
        "batch": None,
        "condition": None,
        "is_control": False,
    }
    rows = landmark_rows(opened, place_gates(opened, strategy), sample=where)
    gates = gate_rows(agree(rows, {rule.id: rule for rule in strategy.rules})[0])
    return {
        "FlowKit: read and gate": lambda: (fk.Sample(str(path)), gate_tube(opened, strategy, gates)),
        "intake: both readers, SHA-256": lambda: read_fcs(path),
        "intake, channels and compensation": lambda: open_tube(path, panel, strategy.scale, sample_id="tube"),
        "place every gate": lambda: place_gates(opened, strategy),
        "apply gates through FlowKit": lambda: gate_tube(opened, strategy, gates),
        "apply gates without FlowKit (pictures)": lambda: agreed_steps(opened, strategy, gates),
    }


if __name__ == "__main__":
    main()
