"""What is simulated: which trials, how large, which subsets have an effect, and seeds that nothing was tuned on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.gating import designs
from cytotrial.simulate.parameters import PANELS, trial_data
from cytotrial.simulate.trial.many_subjects import Design
from cytotrial.simulate.trial.sheets import PRIMARY
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits

TRIAL, LABORATORY, NULL = "he2020", "clinic", "null"
RECOVERY_DESIGN, NULL_DESIGN = f"{TRIAL}/{LABORATORY}", f"{TRIAL}/{NULL}"
BASELINE, PEAKS = "W0", ("W2", "W6", "W10")  # of the core pattern; each at the end of a course of treatment
VISITS = (BASELINE, *PEAKS)
EVERY_VISIT = tuple(visit for visit, _ in known_visits(TRIAL))
SUBSETS = tuple(PRIMARY)
WITH_EFFECT = ("treg", "nk", "cd56bright_nk")
WITHOUT_EFFECT = tuple(subset for subset in SUBSETS if subset not in WITH_EFFECT)
ANALYSIS_SET = "mitt"  # the primary one
ACTIVE, CONTROL = (
    next(arm["id"] for arm in trial_data(TRIAL)["arms"] if arm["role"] == role) for role in ("active", "control")
)
# Never looked at while gates, statistics or this benchmark were made; benchmarks.gating lists those that were.
SEEDS, NULL_SEEDS = tuple(range(8101, 8121)), tuple(range(8201, 8221))
TABLE_SEED = 8300  # of the trials without files, and of the subjects that are drawn for smaller trials
REPLICATE_SEED = 8301
SUBJECTS_PER_ARM, NULL_SUBJECTS_PER_ARM = 30, 10
PAPERS_SUBJECTS_PER_ARM, PAPERS_EVENTS = 30, (60_000, 60_000)  # of the trials without files
EVENTS = (30_000, 60_000)  # of each panel; half for Treg, of which there are plenty, not for CD56bright
TABLE_TRIALS, MODEL_TRIALS = 1000, 200
REPLICATE_BLOODS = 8
LEAST_EVENTS = 2000


@dataclass(frozen=True)
class Size:
    """How much is simulated.

    Attributes
    ----------
    seeds, null_seeds : tuple of int
        One trial from FCS files each, with the treatment's effect and without.
    events : tuple of int
        Per FCS file of each panel, in the order of `PANELS`.
    table_trials : int
        Null trials of counts without files; as many with an effect.
    model_trials : int
        The first of these, to which the mixed model is fitted.
    replicate_bloods : int
        Subjects whose blood is stained several times, of each laboratory; 0 for none.
    """

    seeds: tuple[int, ...] = SEEDS
    null_seeds: tuple[int, ...] = NULL_SEEDS
    subjects_per_arm: int = SUBJECTS_PER_ARM
    null_subjects_per_arm: int = NULL_SUBJECTS_PER_ARM
    events: tuple[int, ...] = EVENTS
    table_trials: int = TABLE_TRIALS
    model_trials: int = MODEL_TRIALS
    replicate_bloods: int = REPLICATE_BLOODS

    def check(self) -> None:
        """Refuse what gives no figures.

        Raises
        ------
        ValueError
        """
        least = {"subjects_per_arm": 3, "null_subjects_per_arm": 3, "table_trials": 2}
        for name, bound in {**least, "model_trials": 0, "replicate_bloods": 0}.items():
            if getattr(self, name) < bound:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected {bound} or more")
        if len(self.events) != len(PANELS) or min(self.events) < LEAST_EVENTS:
            wanted = f"{LEAST_EVENTS} or more for each of {', '.join(PANELS)}"
            raise ValueError(f"events: found {','.join(map(str, self.events))}, expected {wanted}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or len(set(self.null_seeds)) < len(self.null_seeds):
            raise ValueError("seeds: expected one or more, none twice")


def fcs_plan(
    design: str, seed: int, *, subjects_per_arm: int, events: tuple[int, ...], visits: tuple[str, ...] = VISITS
) -> TrialPlan:
    """A trial that is written as FCS files: the baseline and the visits of the core pattern."""
    plan = designs.plan_of(design, seed, designs.Size((seed,), subjects_per_arm, {TRIAL: visits}))
    return replace(plan, events=events_by_panel(events))


def events_by_panel(events: tuple[int, ...]) -> dict[str, int]:
    """Panel -> events of its tubes."""
    return dict(zip(PANELS, events, strict=True))


def table_design(*, effect: float, subjects_per_arm: int, visits: tuple[str, ...]) -> Design:
    """The same trial as counts without files, in the same laboratory: who is in it, and what the treatment does."""
    return Design(
        data=trial_data(TRIAL, LABORATORY),
        subjects_per_arm=subjects_per_arm,
        visits=known_visits(TRIAL, visits),
        effect=effect,
        has_withdrawn=True,
    )
