"""SYNTHETIC files of fourteen channels: ``python -m benchmarks.speed.files FOLDER --files 24 --events 100000``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.speed.gates import CHANNELS, MARKERS, SCATTER, matrix
from cytotrial.simulate.fcs.keywords import Specimen, fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.instrument.optics import Detector
from cytotrial.simulate.parameters import tube_parameters, whole_cytometer
from cytotrial.simulate.tube import TubeParameters, simulate_tube

SEED = 20200101
DRAWN = 100_000  # events that are simulated; a larger file repeats them
JITTER = 0.002  # relative, of each repeat: no two events are the same
VIOLET = (
    Detector("BV605-A", ("CD56",), "BV605", 70.0, 30.0, 0.05, 520, "Pacific Blue-A"),
    Detector("BV711-A", ("CD16",), "BV711", 30.0, 30.0, 0.04, 560, "Pacific Blue-A"),
)


def tube(n_events: int, *, byte_order: str = "little") -> TubeParameters:
    """An average subject's T cell tube with all the detectors of an Aria and two more."""
    detectors, _ = whole_cytometer("clean")
    stained = tuple(replace(one, markers=(MARKERS[one.name],)) for one in detectors)
    base = tube_parameters("treg")
    return replace(
        base,
        n_events=n_events,
        scatter=SCATTER,
        detectors=(*stained, *VIOLET),
        spillover=matrix(),
        form=replace(base.form, byte_order=byte_order),
    )


def write_files(folder: Path, n_files: int, n_events: int, *, byte_order: str = "little") -> list[Path]:
    """Write distinct files and return their paths; the same arguments give the same bytes."""
    parameters = tube(min(n_events, DRAWN), byte_order=byte_order)
    paths = []
    for number in range(1, n_files + 1):
        path = folder / f"{n_events}_{number:02d}.fcs"
        drawn = simulate_tube(parameters, seed=SEED, key=(path.name,))
        assert drawn.channels == CHANNELS, drawn.channels
        about = Specimen(path.name, "S", "T", "benchmark", datetime(2020, 1, 1), "benchmarks.speed")
        keywords = fcs_keywords(drawn, parameters, specimen=about)
        write_fcs(path, repeated(drawn.events, n_events, seed=number), keywords=keywords, form=parameters.form)
        paths.append(path)
    return paths


def repeated(events: np.ndarray, n_events: int, *, seed: int) -> np.ndarray:
    """`n_events` like those given, Time in the last column going on; the first repeat is the events themselves.

    Parameters
    ----------
    events : ndarray of float32, shape (n, channels)

    Returns
    -------
    ndarray of float32, shape (n_events, channels)
    """
    if n_events <= len(events):
        return events[:n_events]
    return np.concatenate(list(_repeats(events, n_events, np.random.default_rng(seed))))


def _repeats(events: np.ndarray, n_events: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    lasts = events[:, -1].max() + 1.0
    for done in range(0, n_events, len(events)):
        part = events[: n_events - done].copy()
        if done:
            part[:, :-1] *= 1.0 + JITTER * random.standard_normal((len(part), part.shape[1] - 1), dtype=np.float32)
            part[:, -1] += lasts * (done // len(events))
        yield part


def main() -> None:
    """Write the files and print their paths, one per line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.files", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--events", type=int, default=DRAWN)
    parser.add_argument("--byte-order", choices=("little", "big"), default="little")
    arguments = parser.parse_args()
    for path in write_files(arguments.folder, arguments.files, arguments.events, byte_order=arguments.byte_order):
        print(path)


if __name__ == "__main__":
    main()
