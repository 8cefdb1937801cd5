"""Power and expected interval width against patients per arm and events per tube, by simulated trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cytotrial.columns import Table
from cytotrial.planning.assumptions import PRIMARY, Assumptions
from cytotrial.planning.defaults import EVENTS, PATIENTS, SEED, TRIALS
from cytotrial.planning.measured import Array, measure
from cytotrial.planning.trial_tests import UNITS, Outcome, joined, outcomes
from cytotrial.quality import QualityRules

TUBES_AT_ONCE = 300_000  # of a panel, all numbers of events together: some 200 MB
SHIFTS = 50  # trials whose Hodges-Lehmann shifts are computed: their mean width is then within 2 %
NO_EFFECT = "no effect assumed: the share is the false positive rate"
RULES = QualityRules()

PLAN = Table(
    "plan",
    ("subset", "denominator", "visit", "test", "patients_per_arm", "events"),
    (
        "subset",
        "denominator",
        "visit",
        "test",
        "patients_per_arm",
        "events",
        "power",
        "mc_error",
        "effect",
        "ci_width",
        "unit",
        "events_of_subset",
        "share_flagged",
        "share_below_lloq",
        "share_not_reported",
        "n_trials",  # in which the test could be computed
        "note",
    ),
)


@dataclass(frozen=True)
class Grid:
    """For what the power is asked; patients (per arm) and events (per tube) ascending."""

    visits: tuple[str, ...]
    patients: tuple[int, ...] = PATIENTS
    events: tuple[int, ...] = EVENTS
    trials: int = TRIALS
    seed: int = SEED


@dataclass(frozen=True)
class _Series:
    """Some trials of a plan.

    Attributes
    ----------
    outcomes : dict
        (subset, visit, test, patients) -> outcome.
    baseline_n : dict
        Subset -> cells in the baseline's tubes, shape (n_events, n_tubes).
    few : dict
        (subset, visit) -> of the tubes of the baseline and the visit, the shares that hold fewer cells than
        `QualityRules.min_events`, its `lloq`, and what is assumed to be not reported, shape (3, n_events).
    has_effect : dict
        (subset, visit) -> whether the treatment moves the subset.
    """

    outcomes: dict[tuple[str, str, str, int], Outcome]
    baseline_n: dict[str, NDArray[np.int32]]
    few: dict[tuple[str, str], Array]
    has_effect: dict[tuple[str, str], bool]


def power_rows(assumptions: Assumptions, grid: Grid) -> list[dict[str, Any]]:
    """Rows of `PLAN`, one per subset, visit, test, number of patients and number of events.

    Notes
    -----
    Power is the share of the simulated trials with p below alpha, `mc_error` its standard error; a trial in which the
    test cannot be computed is one without a finding. `effect` is the mean of the estimates, `ci_width` the median width
    of the 95 % intervals, whatever alpha is; both are the Hodges-Lehmann shift's in the rows of the Mann-Whitney test,
    of the first `SHIFTS` trials. Within one run all sizes look at the same trials: fewer patients are the first of each
    arm, and a tube of fewer events begins that of more. A p below alpha counts in either direction.
    """
    per_trial = 2 * max(grid.patients) * len(grid.events) * len(assumptions.visits)
    at_once = max(TUBES_AT_ONCE // per_trial, 1)
    parts = [
        _series(assumptions, grid, range(start, min(start + at_once, grid.trials)))
        for start in range(0, grid.trials, at_once)
    ]
    events_of = {
        subset: np.median(np.concatenate([part.baseline_n[subset] for part in parts], axis=1), axis=1)
        for subset in PRIMARY
    }
    sizes = [len(part.baseline_n["nk"][0]) for part in parts]
    rows = []
    for key in parts[0].outcomes:
        subset, visit, test, patients = key
        flagged, below_lloq, not_reported = np.average(
            [part.few[subset, visit] for part in parts], axis=0, weights=sizes
        )
        fixed = {"subset": subset, "denominator": PRIMARY[subset], "visit": visit, "test": test}
        fixed |= {"patients_per_arm": patients, "unit": UNITS[test]}
        found = joined([part.outcomes[key] for part in parts])
        has_effect = any(part.has_effect[subset, visit] for part in parts)
        for place, numbers in enumerate(_numbers(found, alpha=assumptions.document["alpha"])):
            row = {**fixed, **numbers, "events": grid.events[place], "events_of_subset": events_of[subset][place]}
            row |= {"share_flagged": flagged[place], "share_below_lloq": below_lloq[place]}
            row |= {"share_not_reported": not_reported[place]}
            rows.append(row | {"note": _note(row, trials=grid.trials, has_effect=has_effect)})
    return rows


def _series(assumptions: Assumptions, grid: Grid, trials: range) -> _Series:
    places = {visit: place for place, (visit, _) in enumerate(assumptions.visits)}
    start = places[assumptions.baseline]
    measured = measure(assumptions, patients=max(grid.patients), events=grid.events, seed=grid.seed, trials=trials)
    series = _Series({}, {}, {}, {})
    limits = (RULES.min_events, RULES.lloq, assumptions.document["not_reported"])
    for subset, values in measured.items():
        counts = values.numerator_n
        series.baseline_n[subset] = counts[..., start].reshape(len(grid.events), -1)
        for visit in grid.visits:
            both = counts[..., [start, places[visit]]]
            series.few[subset, visit] = np.array([(both < least).mean(axis=(1, 2, 3)) for least in limits])
            series.has_effect[subset, visit] = bool(values.has_effect[places[visit]])
            for patients in grid.patients:
                found = outcomes(
                    values,
                    baseline=start,
                    visit=places[visit],
                    patients=patients,
                    n_shifts=SHIFTS - trials.start,
                )
                series.outcomes.update({(subset, visit, test, patients): outcome for test, outcome in found})
    return series


def _numbers(found: Outcome, *, alpha: float) -> Iterator[dict[str, Any]]:
    """Per number of events. A test that cannot be computed finds nothing: its p is not below alpha."""
    for p_value, estimate, width in zip(found.p_value, found.estimate, found.width, strict=True):
        power = float((p_value < alpha).mean())
        yield {
            "n_trials": int((~np.isnan(p_value)).sum()),
            "power": power,
            "mc_error": math.sqrt(power * (1.0 - power) / p_value.size),
            "effect": _of_known(np.mean, estimate),
            "ci_width": _of_known(np.median, width),
        }


def _of_known(summary: Callable[[Array], Any], values: Array) -> float:
    """Of the values that are no NaN; NaN where it is not finite, as the median where half of the trials have none."""
    known = values[~np.isnan(values)]
    result = float(summary(known)) if known.size else math.nan
    return result if math.isfinite(result) else math.nan


def _note(row: dict[str, Any], *, trials: int, has_effect: bool) -> str:
    notes = [] if has_effect else [NO_EFFECT]
    if row["n_trials"] < trials:
        notes.append(f"too few values for the test in {trials - row['n_trials']} of {trials} trials")
    if math.isnan(row["ci_width"]):
        notes.append("too few values for a 95 % interval in half of the trials")
    if row["events_of_subset"] < RULES.lloq:
        notes.append(f"half of the baselines hold fewer than {RULES.lloq} cells: below the limit of quantification")
    elif row["events_of_subset"] < RULES.min_events:
        notes.append(f"half of the baselines hold fewer than {RULES.min_events} cells: flagged")
    return "; ".join(notes)
