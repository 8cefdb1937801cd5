"""Which trials are simulated: designs, their visits, and seeds on which no gate was ever tuned."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.gating.compare import numbers_of
from benchmarks.gating.workflow import gate_trial
from cytotrial.simulate.parameters import PANELS, PROFILES, TRIALS, trial_data
from cytotrial.simulate.trial.plan import plan_samples
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits

DESIGNS = (
    *(f"he2020/{profile}" for profile in ("clean", "clinic", "other_lab", "hard", "null", "denominator_stress")),
    "lupil2/clinic",
)
SEEDS = (7101, 7102)  # 1-12, 100-110, 501, 601-603, 701, 801, 2026, 7001-7003 and 20200 were looked at meanwhile
SUBJECTS_PER_ARM = 9
VISITS: Mapping[str, tuple[str, ...]] = {
    "he2020": ("W0", "W2", "W6", "W10", "W12"),
    "lupil2": ("D1", "D6", "W4", "W8", "W12"),
}


@dataclass(frozen=True)
class Size:
    """How much of each design is simulated; `events` None for the trial's own numbers and the profile's habits."""

    seeds: tuple[int, ...] = SEEDS
    subjects_per_arm: int = SUBJECTS_PER_ARM
    visits: Mapping[str, tuple[str, ...]] | None = None
    events: int | None = None

    def visits_of(self, trial: str) -> tuple[str, ...]:
        """The visits that are simulated of a trial; of one that has no choice of its own, all."""
        chosen = {**VISITS, **(self.visits or {})}
        return chosen.get(trial, tuple(visit for visit, _ in known_visits(trial)))


def design_named(text: str) -> str:
    """A design's name, ``trial/profile``; a profile alone is he2020's.

    Raises
    ------
    ValueError
        There is no such trial or profile.

    Examples
    --------
    >>> design_named("hard"), design_named("lupil2/clinic")
    ('he2020/hard', 'lupil2/clinic')
    """
    trial, _, profile = text.rpartition("/")
    trial = trial or "he2020"
    if trial not in TRIALS or profile not in PROFILES:
        expected = f"PROFILE or TRIAL/PROFILE of {', '.join(PROFILES)} and {', '.join(TRIALS)}"
        raise ValueError(f"design {text!r}: expected {expected}")
    return f"{trial}/{profile}"


def trial_and_profile(design: str) -> tuple[str, str]:
    """The two parts of a design's name."""
    trial, profile = design.split("/")
    return trial, profile


def baseline_of(design: str) -> str:
    """The visit that changes are measured from."""
    return trial_data(*trial_and_profile(design))["trial"]["baseline"]


def active_arm_of(design: str) -> str:
    """The arm that is treated."""
    return next(arm["id"] for arm in trial_data(*trial_and_profile(design))["arms"] if arm["role"] == "active")


def plan_of(design: str, seed: int, size: Size) -> TrialPlan:
    """One trial of a design.

    Raises
    ------
    ValueError
        A visit that the trial has not, or no baseline among them.
    """
    trial, profile = trial_and_profile(design)
    wanted = size.visits_of(trial)
    visits = known_visits(trial, wanted)
    if len(visits) != len(wanted) or baseline_of(design) not in wanted:
        known = ", ".join(visit for visit, _ in known_visits(trial))
        raise ValueError(f"visits {','.join(wanted)}: expected {baseline_of(design)} and others of {known}")
    events = dict.fromkeys(PANELS, size.events) if size.events else {}
    return TrialPlan(trial, seed, size.subjects_per_arm, visits, profile=profile, events=events)


def planned(names: Sequence[str], size: Size) -> list[str]:
    """The designs of these names, all of which can be planned.

    Raises
    ------
    ValueError
        Of `design_named` or `plan_of`, before anything is simulated.
    """
    designs = [design_named(name) for name in names]
    for design in designs:
        for seed in size.seeds:
            plan_of(design, seed, size)
    return designs


def run_design(design: str, size: Size, pool: Executor) -> pd.DataFrame:
    """Simulate and gate a design's trials, one per seed: `compare.COLUMNS`, a row per number."""
    return pd.concat([_run(design, plan_of(design, seed, size), pool) for seed in size.seeds], ignore_index=True)


def _run(design: str, plan: TrialPlan, pool: Executor) -> pd.DataFrame:
    samples = plan_samples(plan)
    with tempfile.TemporaryDirectory() as folder:
        gated = gate_trial(plan, samples, folder=Path(folder), pool=pool)
    return numbers_of(gated, samples, design=design, seed=plan.seed)
