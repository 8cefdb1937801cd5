"""An effect that hangs on one gate limit is called out, from FCS files: cells planted just above the CD25 limits.

The trial has no effect of its own. In the active arm's later files some conventional CD4 cells get values less than
3 % above their file's CD25 limit: the Treg rise, and it is gone with the limit one of its placement uncertainties
higher. In the trial it is compared with, the same cells get values of the file's true Treg.
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytotrial.simulate.fcs.keywords import fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.parameters import PANELS
from cytotrial.simulate.seeds import stream
from cytotrial.simulate.trial.plan import Recipe, SamplePlan, plan_samples, recipe_of
from cytotrial.simulate.trial.sheets import write_config, write_sheets
from cytotrial.simulate.trial.subjects import TrialPlan, is_active, known_visits
from cytotrial.simulate.tube import Tube, simulate_tube

pytestmark = pytest.mark.slow

# W24 is 14 weeks after the last dose: a thousandth of the treatment's effect is left.
BASELINE, VISIT = "W0", "W24"
SUBJECTS_PER_ARM, EVENTS = 6, 20_000
PLAN = TrialPlan(
    trial="he2020",
    seed=7302,
    subjects_per_arm=SUBJECTS_PER_ARM,
    visits=known_visits("he2020", (BASELINE, VISIT)),
    profile="clean",
    events=dict.fromkeys(PANELS, EVENTS),
)
PLANTED = 0.05  # of the conventional CD4 cells
# Above the limit, share of CD25. Of such tubes simulated anew the limits' SD was 2.7 % (8 replicates of 24 files), and
# the ledger says 3.7 %. Not taken from the ledger: uncertainties that are far too small have to fail here.
BAND = (0.004, 0.027)
# Decades of log10(CD25 / tail) + log10(mode / CD127), by which `reference_population` knows clear Treg (from 0.95) and
# those between (0.35 to 0.75). What is neither, and far below the mode of CD127, leaves the limit where it was.
ORDINARY, UNCOUNTED = 0.30, (0.80, 0.90)
BELOW_MODE = 0.50
CD25_LIMIT = "treg:treg/CD25/min"
ACTIVE_ARM = "IL2"
# A primary result of Treg that compares the active arm with its baseline or with the control arm.
TESTS = [("change_from_baseline", ACTIVE_ARM), ("between_arms", None), ("ancova", None)]


@dataclass(frozen=True)
class File:
    """One file of the trial before anything is planted, and where its cells are after compensation."""

    sample: SamplePlan
    recipe: Recipe
    tube: Tube

    @property
    def is_planted(self) -> bool:
        """Of the active arm, after the baseline."""
        return is_active(PLAN, self.sample.subject) and self.sample.visit != BASELINE

    def compensated(self, marker: str) -> np.ndarray:
        """Linear, shape (n,)."""
        recorded = self.tube.events[:, self._columns].astype(float)
        return (recorded @ np.linalg.inv(self.tube.spillover))[:, self._detector(marker)]

    def with_values(self, cells: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """The events with other compensated values of `cells`, written through the spillover; all else as it was."""
        events = self.tube.events.copy()
        for marker, new in values.items():
            change = new - self.compensated(marker)[cells]
            spilled = change[:, None] * self.tube.spillover[self._detector(marker)]
            events[np.ix_(cells, self._columns)] += spilled.astype(events.dtype)
        return events

    def write(self, folder: Path, events: np.ndarray) -> None:
        """As one FCS file."""
        keywords = fcs_keywords(self.tube, self.recipe.parameters, specimen=self.recipe.specimen)
        write_fcs(folder / self.sample.file, events, keywords=keywords, form=self.recipe.parameters.form)

    @property
    def _columns(self) -> list[int]:
        return [self.tube.channels.index(name) for name in self.tube.detectors]

    def _detector(self, marker: str) -> int:
        (place,) = (i for i, one in enumerate(self.recipe.parameters.detectors) if marker in one.markers)
        return place


@dataclass(frozen=True)
class Run:
    """A trial's tables after the workflow's verbs."""

    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        """Of ``interim``, ``tables`` or ``stats``."""
        return pd.read_csv(self.folder / f"{name}.tsv", sep="\t", float_precision="round_trip")

    def cd25_limits(self, name: str = "interim/agreed_gates") -> pd.DataFrame:
        """The gates' rows of CD25, by sample."""
        gates = self.table(name)
        return gates[(gates["population"] == "treg") & (gates["marker"] == "CD25")].set_index("sample_id")

    def survival(self, test: str, arm: str | None) -> pd.DataFrame:
        """The rows of one result of Treg of CD4."""
        rows = self.table("stats/survival")
        is_arm = rows["arm"].isna() if arm is None else rows["arm"] == arm
        return rows[(rows["test"] == test) & is_arm & (rows["subset"] == "treg") & (rows["visit"] == VISIT)]

    def at_moves(self, test: str, arm: str | None) -> dict[str, float]:
        """p by where the CD25 limit is."""
        rows = self.table("stats/survival_analyses")
        is_arm = rows["arm"].isna() if arm is None else rows["arm"] == arm
        rows = rows[(rows["test"] == test) & is_arm & (rows["subset"] == "treg") & (rows["gate"] == CD25_LIMIT)]
        return dict(zip(rows["analysis"].str.removeprefix("treg/"), rows["p_value"].round(5), strict=True))


class Trial:
    """The files, and the verbs of the workflow over them: all of a panel's subjects in one job."""

    def __init__(self, checkout: Path, verb) -> None:
        self._strategies = {panel: (checkout / f"config/gating/{panel}.yaml").read_text("utf-8") for panel in PANELS}
        self._verb = verb
        self.files = [self._file(sample) for sample in plan_samples(PLAN) if sample.panel == "treg"]

    def run(self, folder: Path, planted: Mapping[str, np.ndarray]) -> Run:
        """Write the files, those that are planted (sample id -> events) as such; gate, count and test them."""
        config, interim, tables = folder / "config", folder / "interim", folder / "tables"
        write_config(config, plan=PLAN, gating=self._strategies)
        samples = [file.sample for file in self.files]
        write_sheets(config, plan=PLAN, samples=samples, fcs_folder=str(folder.resolve() / "fcs"))
        for file in self.files:
            file.write(folder / "fcs", planted.get(file.sample.sample_id, file.tube.events))
        self._gate(config, interim)
        counted = {
            name: interim / f"{name}.tsv" for name in ("intake", "gates", "not_placed", "populations", "moved_counts")
        }
        sheets = {"config": config / "config.yaml", "samples": config / "samples.tsv"}
        self._verb("tabulate", **sheets, **counted, steps=interim / "quality_steps.tsv", out=tables)
        self._verb(
            "statistics",
            config=sheets["config"],
            subsets=tables / "subsets.tsv",
            moved_counts=tables / "moved_counts.tsv",
            subjects=config / "subjects.tsv",
            out=folder / "stats",
        )
        return Run(folder)

    def _gate(self, config: Path, interim: Path) -> None:
        strategy = config / "gating/treg.yaml"
        own = {
            "samples": config / "samples.tsv",
            "subjects": sorted({file.sample.subject.subject_id for file in self.files}),
            "panel": "treg",
            "markers": config / "panels/treg.yaml",
            "gating": strategy,
        }
        landmarks, intake = {"landmarks": interim / "landmarks.tsv"}, {"intake": interim / "intake.tsv"}
        agreed = {"gates": interim / "agreed_gates.tsv", "not_placed": interim / "not_agreed.tsv"}
        self._verb("place-gates", **own, **landmarks, **intake)
        self._verb("agree-gates", gating=f"treg={strategy}", **landmarks, **agreed)
        self._verb(
            "apply-gates",
            **own,
            **intake,
            **agreed,
            populations=interim / "populations.tsv",
            steps=interim / "quality_steps.tsv",
            ledger=interim / "gates.tsv",
            ungated=interim / "not_placed.tsv",
            moved_counts=interim / "moved_counts.tsv",
            grids=interim / "grids",
        )

    @staticmethod
    def _file(sample: SamplePlan) -> File:
        recipe = recipe_of(PLAN, sample)
        return File(sample, recipe, simulate_tube(recipe.parameters, seed=PLAN.seed, key=(sample.sample_id,)))


def planted_cells(file: File, landmark: pd.Series, limit: pd.Series) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Conventional CD4 cells of a file, and values that put them just above its CD25 limit and well below CD127's.

    Parameters
    ----------
    landmark, limit : Series
        The CD25 rows of ``landmarks.tsv`` and of the agreed gates, of the file as it was.
    """
    random = stream(PLAN.seed, "planted", file.sample.sample_id)
    measures = json.loads(landmark["measures"])
    mode, tail = measures["reference_mode"], measures["reference_bulk"] * measures["tail_over_bulk"]
    cd25, cd127 = file.compensated("CD25"), file.compensated("CD127")
    conventional = file.tube.members("cd4") & ~file.tube.members("treg")
    positive = (cd127 > 0) & (cd25 > 0)
    apart = np.log10(cd25 / tail * mode / cd127, where=positive, out=np.full(cd25.size, np.inf))
    usable = np.flatnonzero(conventional & (cd127 < BELOW_MODE * mode) & (apart < ORDINARY))
    cells = random.choice(usable, round(PLANTED * np.count_nonzero(conventional)), replace=False)
    new = limit["threshold_linear"] * (1.0 + random.uniform(*BAND, cells.size))
    return cells, {"CD25": new, "CD127": mode * new / tail / 10.0 ** random.uniform(*UNCOUNTED, cells.size)}


def values_of_treg(file: File, n: int) -> dict[str, np.ndarray]:
    """CD25 and CD127 of `n` of the file's true Treg, drawn with replacement."""
    random = stream(PLAN.seed, "among Treg", file.sample.sample_id)
    like = random.choice(np.flatnonzero(file.tube.members("treg")), n)
    return {marker: file.compensated(marker)[like] for marker in ("CD25", "CD127")}


@pytest.fixture(scope="module")
def trial(checkout) -> Iterator[Trial]:
    """24 files of the T-cell/Treg tube."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        verb = importlib.import_module("benchmarks.gating.workflow").verb
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        yield Trial(checkout, verb)
        logging.disable(before)


@pytest.fixture(scope="module")
def as_simulated(trial, tmp_path_factory) -> Run:
    return trial.run(tmp_path_factory.mktemp("as_simulated"), {})


@pytest.fixture(scope="module")
def cells(trial, as_simulated) -> dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Sample -> the cells that are planted, and their values at the limit."""
    landmarks, limits = as_simulated.cd25_limits("interim/landmarks"), as_simulated.cd25_limits()
    names = {file.sample.sample_id: file for file in trial.files if file.is_planted}
    return {name: planted_cells(file, landmarks.loc[name], limits.loc[name]) for name, file in names.items()}


@pytest.fixture(scope="module")
def at_the_limit(trial, cells, tmp_path_factory) -> Run:
    files = {file.sample.sample_id: file for file in trial.files}
    return trial.run(
        tmp_path_factory.mktemp("at_the_limit"), {name: files[name].with_values(*own) for name, own in cells.items()}
    )


@pytest.fixture(scope="module")
def among_treg(trial, cells, tmp_path_factory) -> Run:
    files = {file.sample.sample_id: file for file in trial.files}
    planted = {
        name: files[name].with_values(own, values_of_treg(files[name], own.size)) for name, (own, _) in cells.items()
    }
    return trial.run(tmp_path_factory.mktemp("among_treg"), planted)


def test_cells_lie_within_one_uncertainty_above_the_limit(as_simulated, at_the_limit, cells):
    """Else the trials below are not what they are called: planting must leave the limits where they were."""
    assert len(cells) == SUBJECTS_PER_ARM and all(own.size >= 100 for own, _ in cells.values())
    before, after = as_simulated.cd25_limits(), at_the_limit.cd25_limits()
    moved = after["threshold_linear"] / before["threshold_linear"] - 1.0
    print(f"planting moved the limits by {100 * moved.min():.2f} to {100 * moved.max():.2f} % of CD25")
    assert moved.abs().max() < 0.012
    np.testing.assert_allclose(after["uncertainty"], before["uncertainty"], rtol=0.1)
    counts = at_the_limit.table("tables/moved_counts").set_index(["sample_id", "population", "marker", "counted"])
    for name, (own, _) in cells.items():
        row = counts.loc[(name, "treg", "CD25", "treg")]
        assert row["n_events"] - row["plus_1"] > 0.85 * own.size, name


def test_trial_has_no_effect_of_its_own(as_simulated):
    for test in TESTS:
        assert as_simulated.survival(*test)["p_value"].min() > 0.05, test


def test_effect_that_hangs_on_one_limit_is_called_out(at_the_limit):
    for test in TESTS:
        rows = at_the_limit.survival(*test)
        limit, together = (
            rows[rows[key] == value].squeeze() for key, value in (("gate", CD25_LIMIT), ("variation", "all"))
        )
        print(*test, told(limit), at_the_limit.at_moves(*test))
        assert limit["p_value"] < 0.01 and limit["estimate"] > 0, test
        assert (limit["verdict"], limit["smallest_move"], limit["share_held"]) == ("fails", 1, 0.5), test
        assert together["verdict"] != "holds" and together["smallest_move"] == 1, test


def test_no_other_limit_is_blamed(at_the_limit):
    gates = at_the_limit.table("stats/survival").query("variation == 'gate'")
    elsewhere = gates[(gates["gate"] == CD25_LIMIT) & (gates["subset"] != "treg")]
    assert set(elsewhere["verdict"]) <= {"holds"}
    for test in TESTS:
        rows = at_the_limit.survival(*test).query("variation == 'gate'")
        others = rows[rows["gate"] != CD25_LIMIT]
        assert len(others) >= 5 and set(others["verdict"]) == {"holds"}, test


def test_as_large_a_rise_of_true_treg_holds(at_the_limit, among_treg):
    for test in TESTS:
        rows, hanging = among_treg.survival(*test), at_the_limit.survival(*test)
        limit = rows[rows["gate"] == CD25_LIMIT].squeeze()
        print(*test, told(limit), among_treg.at_moves(*test))
        assert limit["p_value"] < 0.01 and limit["verdict"] == "holds" and limit["share_held"] == 1.0, test
        assert limit["estimate"] > 0.7 * hanging["estimate"].iloc[0], test


def told(row: pd.Series) -> str:
    """What a row of ``survival`` says, in short."""
    numbers = f"{row['estimate']:.2f}, p = {row['p_value']:.2g}, share held {row['share_held']:.2f}"
    return f"{numbers}, smallest move {row['smallest_move']}: {row['verdict']}"
