"""Gating some files as a whole process: this package's engine, FlowKit and the floor, in turns; and their memory."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.answers import differing_bits
from benchmarks.speed.processes import Usage, interleaved, median_cpu, python, ratios, run, warm

PROGRAMS = {"flowkit": "flowkit_streamed", "engine": "engine", "floor": "floor"}
MEMBERS_OF = 6_000_000  # events, of which every membership is compared


def make_files(folder: Path, n_files: int, n_events: int) -> list[Path]:
    """Write them in a process of its own, and leave them in the file cache."""
    paths = [
        Path(line)
        for line in run(python("files", folder, "--files", n_files, "--events", n_events)).output.splitlines()
    ]
    warm(paths)
    return paths


def remove(paths: Sequence[Path]) -> None:
    """Make room for the next."""
    for path in paths:
        path.unlink()


def time_size(folder: Path, n_events: int, *, n_files: int, rounds: int) -> dict[str, Any]:
    """Time the three programs on files of one size.

    Returns
    -------
    dict
        ``n_events``, ``n_files``, ``rounds``; ``cpu``, ``wall``: program -> median seconds, and ``start``: seconds of
        CPU without a file; ``under_flowkit`` and ``over_floor``: median, least and largest ratio of CPU;
        ``differing_counts`` and ``differing_events`` between engine and FlowKit, out of ``memberships``.
    """
    paths = make_files(folder, n_files, n_events)
    lines = {name: python(module, *paths) for name, module in PROGRAMS.items()}
    for line in lines.values():
        run(line[: 3 + 1])  # compiles what has not been compiled yet
    used = interleaved(lines, rounds)
    starts = interleaved({name: python(module) for name, module in PROGRAMS.items()}, rounds)
    found = {
        "n_events": n_events,
        "n_files": n_files,
        "rounds": rounds,
        "cpu": {name: median_cpu(one) for name, one in used.items()},
        "wall": {name: statistics.median(round_.wall for round_ in one) for name, one in used.items()},
        "start": {name: median_cpu(one) for name, one in starts.items()},
        "under_flowkit": spread(ratios(used["flowkit"], used["engine"])),
        "over_floor": spread(ratios(used["engine"], used["floor"])),
        "differing_counts": differing_counts(used["flowkit"][0], used["engine"][0]),
        **differing_events(folder, paths[: max(1, MEMBERS_OF // n_events)], n_events),
    }
    remove(paths)
    return found


def spread(values: Sequence[float]) -> list[float]:
    """Median, least, largest."""
    return [statistics.median(values), min(values), max(values)]


def differing_counts(one: Usage, other: Usage) -> int:
    """Gates of files whose counts are not the same.

    Raises
    ------
    RuntimeError
        They are not of the same gates.
    """
    a, b = (_flat(json.loads(usage.output)) for usage in (one, other))
    if not a or a.keys() != b.keys():
        raise RuntimeError(f"found counts of {len(a)} and {len(b)} gates, expected the same gates")
    return sum(a[key] != b[key] for key in a)


def differing_events(folder: Path, paths: Sequence[Path], n_events: int) -> dict[str, int]:
    """Who is inside, event by event: the memberships that differ, and how many there are."""
    folders = {name: folder / f"membership_{name}" for name in ("flowkit", "engine")}
    for name, there in folders.items():
        there.mkdir(exist_ok=True)
        usage = run(python(PROGRAMS[name], "--membership", there, *paths))
    differing = sum(
        differing_bits(folders["flowkit"] / f"{one.stem}.bits", folders["engine"] / f"{one.stem}.bits") for one in paths
    )
    n_gates = sum(len(gates) for gates in json.loads(usage.output).values())
    for there in folders.values():
        remove(sorted(there.iterdir()))
    return {"differing_events": differing, "memberships": n_gates * n_events}


def _flat(counts: dict[str, dict[str, int]]) -> dict[tuple[str, str], int]:
    return {(file, gate): n for file, gates in counts.items() for gate, n in gates.items()}


def measure_memory(folder: Path, n_events: int) -> dict[str, Any]:
    """Peak memory of each program on one file, in MiB, and its CPU."""
    paths = make_files(folder, 1, n_events)
    size = paths[0].stat().st_size / 2**20
    used = {name: run(python(module, *paths)) for name, module in PROGRAMS.items()}
    remove(paths)
    sys.stderr.write(
        f"memory, {n_events:,} events: " + ", ".join(f"{k} {u.peak_mib:.0f} MiB" for k, u in used.items()) + "\n"
    )
    return {
        "n_events": n_events,
        "file_mib": size,
        "peak_mib": {name: one.peak_mib for name, one in used.items()},
        "cpu": {name: one.cpu for name, one in used.items()},
        "differing_counts": differing_counts(used["flowkit"], used["engine"]),
    }
