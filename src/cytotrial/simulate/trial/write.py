"""Write a simulated trial file by file: FCS, sheets, configuration and the truth."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cytotrial.columns import TRUTH
from cytotrial.simulate.blood.composition import Composition
from cytotrial.simulate.fcs.keywords import fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.trial.plan import SamplePlan, plan_samples, recipe_of
from cytotrial.simulate.trial.sheets import READOUTS, write_config, write_label_names, write_sheets
from cytotrial.simulate.trial.subjects import TrialPlan
from cytotrial.simulate.tube import Tube, simulate_tube
from cytotrial.tables import write_table

log = logging.getLogger(__name__)
BUNDLED_FCS = "resources/demo/fcs"  # from the repository root, where the bundled trial is run
FILES_AT_ONCE = 4  # per process: few enough that none is left waiting for another's last


def write_trial(
    out: Path, *, plan: TrialPlan, gating: Mapping[str, str] | None = None, cores: int = 1
) -> list[dict[str, Any]]:
    """Write the trial's files under `out` and return the rows of ``truth.tsv``.

    Parameters
    ----------
    out : Path
        Gets ``fcs/``, ``labels/`` and ``truth.tsv``, and ``config/`` with its sheets; without `gating` only the
        sheets, beside ``fcs/``, their paths starting at the repository root (the bundled demonstration).
    gating : mapping, optional
        Panel -> text of its gating strategy.
    cores : int
        Processes; the bytes written do not depend on it. Each holds one file at a time.
    """
    samples = plan_samples(plan)
    write_sample = partial(_write_sample, plan=plan, out=out, labels=gating is not None)
    truth = [row for rows in _map(write_sample, samples, cores=cores) for row in rows]
    write_table(out / "truth.tsv", TRUTH, truth)
    if gating is None:
        write_sheets(out, plan=plan, samples=samples, fcs_folder=BUNDLED_FCS)
    else:
        write_label_names(out / "labels")
        write_sheets(out / "config", plan=plan, samples=samples, fcs_folder="fcs")
        write_config(out / "config", plan=plan, gating=gating)
    log.info(
        "%s: %d FCS files of trial %s, profile %s, seed %d", out, len(samples), plan.trial, plan.profile, plan.seed
    )
    return truth


def true_counts(
    sample_id: str, tube: Tube, *, panel: str, composition: Composition | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of ``truth.tsv``: what the file holds among its live single cells, per readout of `panel`.

    `composition` gives the percentage that the trajectory's model led to expect; the file's own differs by chance.
    """
    for readout in READOUTS:
        if readout["panel"] != panel:
            continue
        numerator = tube.count(readout["id"])
        for denominator in readout["denominators"]:
            of = tube.count(denominator)
            yield {
                "sample_id": sample_id,
                "subset": readout["id"],
                "denominator": denominator,
                "numerator_n": numerator,
                "denominator_n": of,
                "percent": 100.0 * numerator / of if of else None,
                "expected_percent": composition.percent(readout["id"], denominator) if composition else None,
            }


def _write_sample(sample: SamplePlan, *, plan: TrialPlan, out: Path, labels: bool) -> list[dict[str, Any]]:
    recipe = recipe_of(plan, sample)
    parameters = recipe.parameters
    tube = simulate_tube(parameters, seed=plan.seed, key=(sample.sample_id,))
    keywords = fcs_keywords(tube, parameters, specimen=recipe.specimen)
    write_fcs(out / "fcs" / sample.file, tube.events, keywords=keywords, form=parameters.form)
    if labels:
        _write_labels(out / "labels" / f"{sample.sample_id}.npy", tube.labels)
    return list(true_counts(sample.sample_id, tube, panel=sample.panel, composition=parameters.composition))


def _write_labels(path: Path, labels: np.ndarray) -> None:
    """One byte per event, in the order of the file's events."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, labels.astype(np.uint8))


def _map(
    function: Callable[[SamplePlan], list[dict[str, Any]]], samples: list[SamplePlan], *, cores: int
) -> Iterable[list[dict[str, Any]]]:
    if cores == 1:
        yield from map(function, samples)
        return
    with ProcessPoolExecutor(max_workers=cores) as pool:
        yield from pool.map(function, samples, chunksize=FILES_AT_ONCE)
