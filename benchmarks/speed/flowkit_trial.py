"""FlowKit gating a trial's files one after another, with the gates that the workflow used on each of them.

``python -m benchmarks.speed.flowkit_trial FOLDER``: a folder in which the workflow has run. A file's gates are those of
its GatingML; reading them is not timed, and neither is FlowKit's import.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path

import flowkit as fk


def main() -> None:
    """Print ``wall`` and ``cpu`` in seconds, and ``counts``: sample -> gate -> events."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.flowkit_trial", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with (folder / "config/samples.tsv").open(encoding="utf-8", newline="") as stream:
        files = {row["sample_id"]: folder / row["fcs"] for row in csv.DictReader(stream, delimiter="\t")}
    wall, cpu, counts = 0.0, 0.0, {}
    for sample_id, path in files.items():
        gates = folder / f"results/exports/gatingml/{sample_id}.xml"
        if not gates.exists():
            continue
        strategy = fk.parse_gating_xml(str(gates))
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        results = strategy.gate_sample(fk.Sample(str(path)))
        wall, cpu = wall + time.perf_counter() - wall_start, cpu + time.process_time() - cpu_start
        counts[sample_id] = {name: int(results.get_gate_count(name)) for name, _ in strategy.get_gate_ids()}
    json.dump({"wall": wall, "cpu": cpu, "counts": counts}, sys.stdout)


if __name__ == "__main__":
    main()
