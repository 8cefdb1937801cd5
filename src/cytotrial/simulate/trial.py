"""Write a simulated trial file by file: FCS, sheets, configuration and the truth."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from cytotrial.columns import TRUTH
from cytotrial.simulate.fcs_writer import write_fcs
from cytotrial.simulate.keywords import fcs_keywords
from cytotrial.simulate.plan import SamplePlan, TrialPlan, plan_samples
from cytotrial.simulate.sheets import READOUTS, write_config, write_sheets
from cytotrial.simulate.tube import Tube, simulate_tube
from cytotrial.tables import write_table

log = logging.getLogger(__name__)
BUNDLED_FCS = "resources/demo/fcs"  # from the repository root, where the bundled trial is run


def write_trial(
    out: Path, *, plan: TrialPlan, gating: Mapping[str, str] | None = None, cores: int = 1
) -> list[dict[str, Any]]:
    """Write the trial's files under `out` and return the rows of ``truth.tsv``.

    Parameters
    ----------
    out : Path
        Gets ``fcs/`` and ``truth.tsv``, and ``config/`` with its sheets; without `gating` the two sheets
        only, beside ``fcs/``, their paths starting at the repository root (the bundled demonstration).
    gating : mapping, optional
        Panel -> text of its gating strategy.
    cores : int
        Processes; the bytes written do not depend on it.
    """
    samples = plan_samples(plan)
    write_sample = partial(_write_sample, folder=out / "fcs")
    truth = [row for rows in _map(write_sample, samples, cores=cores) for row in rows]
    write_table(out / "truth.tsv", TRUTH, truth)
    if gating is None:
        write_sheets(out, plan=plan, samples=samples, fcs_folder=BUNDLED_FCS)
    else:
        write_sheets(out / "config", plan=plan, samples=samples, fcs_folder="fcs")
        write_config(out / "config", plan=plan, gating=gating)
    log.info("%s: %d FCS files of trial %s, seed %d", out, len(samples), plan.trial, plan.seed)
    return truth


def true_counts(sample_id: str, tube: Tube, *, panel: str) -> Iterator[dict[str, Any]]:
    """Rows of ``truth.tsv``: what the file holds among its live single cells, per readout of `panel`."""
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
            }


def _write_sample(sample: SamplePlan, *, folder: Path) -> list[dict[str, Any]]:
    tube = simulate_tube(sample.parameters, seed=sample.seed, key=(sample.sample_id,))
    keywords = fcs_keywords(tube, sample.parameters, specimen=sample.specimen)
    write_fcs(folder / sample.specimen.file, tube.events, keywords=keywords)
    return list(true_counts(sample.sample_id, tube, panel=sample.panel))


def _map(function: Any, samples: list[SamplePlan], *, cores: int) -> Iterable[list[dict[str, Any]]]:
    if cores == 1:
        yield from map(function, samples)
        return
    with ProcessPoolExecutor(max_workers=cores) as pool:
        yield from pool.map(function, samples, chunksize=8)
