"""Tiny trials of every profile and trial through the workflow: no file fails, no percentage is silently missing."""

from __future__ import annotations

import csv
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import flowio
import pytest

from cytotrial.cli import main
from cytotrial.simulate.parameters import PROFILES, TRIALS

pytestmark = pytest.mark.slow

PAIRS = {
    "treg": {
        (one, of) for one, own in (("cd4", "cd3"), ("cd8", "cd3"), ("treg", "cd4")) for of in (own, "lymphocytes")
    },
    "nk": {("nk", "lymphocytes"), ("cd56bright_nk", "nk"), ("cd56bright_nk", "lymphocytes")},
}
SUBSETS, STATUS = "results/tables/subsets.tsv", "results/tables/status.tsv"
STATISTICS = ("results/stats/change_from_baseline.tsv", "results/stats/between_arms.tsv")
EVERYTHING: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tiny:
    """A trial small enough to run in seconds, and what Snakemake is asked for."""

    trial: str = "he2020"
    profile: str = "clean"
    subjects_per_arm: int = 1
    visits: str = "W0,W10"
    events: int = 6000
    wanted: tuple[str, ...] = (SUBSETS,)

    def make(self, folder: Path) -> None:
        """Write it as a user would."""
        line = ["simulate", "--trial", self.trial, "--profile", self.profile, "--seed", "1", "--out", str(folder)]
        line += ["--subjects-per-arm", str(self.subjects_per_arm), "--visits", self.visits, "--missing", "0"]
        assert main([*line, "--events", str(self.events)]) == 0

    @property
    def n_files(self) -> int:
        """Both arms, both panels."""
        return 2 * self.subjects_per_arm * len(self.visits.split(",")) * 2


RUNS = {
    "clean": Tiny(subjects_per_arm=2),
    "clinic": Tiny(profile="clinic", subjects_per_arm=2),
    "other_lab": Tiny(profile="other_lab"),
    # Five instrument days, so that most habits are met; an air bubble's events would be half of a smaller file.
    "hard": Tiny(profile="hard", visits="W0,W4,W8,W12,W24", events=20_000, wanted=EVERYTHING),
    "null": Tiny(profile="null"),
    "denominator_stress": Tiny(profile="denominator_stress"),
    "lupil2": Tiny(trial="lupil2", profile="clinic", visits="D1,D6", wanted=(SUBSETS, *STATISTICS)),
    "nct02932137": Tiny(trial="nct02932137", profile="clinic"),
}


@dataclass(frozen=True)
class Ran:
    """A run's folder and what came of it."""

    folder: Path
    plan: Tiny
    code: int
    output: str

    def rows(self, name: str) -> list[dict[str, str]]:
        """A table as text."""
        assert self.code == 0, self.output
        with (self.folder / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, delimiter="\t"))


@pytest.fixture(scope="module")
def runs(run_workflow, tmp_path_factory) -> dict[str, Ran]:
    """Every trial, run; two at a time on one core each, since half of a small run is waiting for Snakemake."""
    root = tmp_path_factory.mktemp("profiles")

    def run(name: str) -> Ran:
        done = run_workflow(root / name, *RUNS[name].wanted, cores=1)
        return Ran(root / name, RUNS[name], done.returncode, done.stdout + done.stderr)

    for name, plan in RUNS.items():
        plan.make(root / name)
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(RUNS, pool.map(run, RUNS), strict=True))


@pytest.fixture(params=RUNS)
def ran(request, runs) -> Ran:
    """One of the runs."""
    return runs[request.param]


def test_every_profile_and_trial_is_run():
    assert {plan.profile for plan in RUNS.values()} == set(PROFILES)
    assert {plan.trial for plan in RUNS.values()} == set(TRIALS) - {"demo"}  # which is run as it is bundled


def test_the_run_ends_well(ran):
    assert ran.code == 0, ran.output
    assert "Traceback" not in ran.output


def test_no_file_fails(ran):
    status = ran.rows(STATUS)
    assert len(status) == ran.plan.n_files
    for row in status:
        print(f"{row['sample_id']}: {row['status']}, {row['reasons']}; {row['not_done']}")
        assert row["n_events"] == str(ran.plan.events)
    assert [row["sample_id"] for row in status if row["status"] not in ("ok", "flagged")] == []
    assert all((row["reasons"] != "NA") == (row["status"] == "flagged") for row in status)


def test_every_percentage_is_there_or_says_why_not(ran):
    found: dict[str, set[tuple[str, str]]] = {}
    missing = 0
    for row in ran.rows(SUBSETS):
        found.setdefault(row["sample_id"], set()).add((row["subset"], row["denominator"]))
        if row["percent"] == "NA":
            missing += 1
            assert row["qc_flag"] == "not_reported" and row["qc_reason"] not in ("", "NA"), row
            continue
        n, of = int(row["numerator_n"]), int(row["denominator_n"])
        assert 0 <= n <= of <= ran.plan.events and float(row["percent"]) == pytest.approx(100 * n / of)
        assert (row["qc_flag"] == "ok") == (row["qc_reason"] == "NA"), row
    assert len(found) == ran.plan.n_files
    assert all(pairs == PAIRS[sample.split("_")[2]] for sample, pairs in found.items())
    n_rows = sum(map(len, found.values()))
    print(f"{missing} of {n_rows} percentages not reported")
    assert missing < n_rows / 3  # small files lack their rarest subset and no other


def test_what_a_file_lacks_is_told_as_not_done(ran):
    """Step by step from the file's own channels; a width alone, or a height alone, is enough for doublets."""
    seen = set()
    for row in ran.rows(STATUS):
        data = flowio.FlowData(ran.folder / row["fcs"], only_text=True)
        labels = " ".join(data.pns_labels).lower()
        expected = {
            "steady_time": "Time" not in data.pnn_labels,
            "singlets": not {"FSC-H", "FSC-W"} & set(data.pnn_labels),
            "live": "viability" not in labels and "live/dead" not in labels,
        }
        assert {step: step in row["not_done"] for step in expected} == expected, row["sample_id"]
        seen |= {step for step, lacks in expected.items() if lacks}
    assert seen == ({"steady_time", "singlets", "live"} if ran.plan.profile == "hard" else set())


def test_large_subsets_are_near_their_truth(ran):
    """CD4 and CD8 of CD3, a third and more of a file: whatever the profile, no gate is somewhere else."""
    with (ran.folder / "truth.tsv").open(encoding="utf-8", newline="") as stream:
        truth = {(r["sample_id"], r["subset"], r["denominator"]): r for r in csv.DictReader(stream, delimiter="\t")}
    compared, worst = 0, 0.0
    for row in ran.rows(SUBSETS):
        if row["denominator"] == "cd3" and row["percent"] != "NA":
            true = float(truth[row["sample_id"], row["subset"], "cd3"]["percent"])
            worst = max(worst, abs(float(row["percent"]) / true - 1.0))
            compared += 1
    print(f"{compared} percentages of CD3, the worst {100 * worst:.1f} % off")
    assert compared == ran.plan.n_files  # two per T-cell tube
    assert worst < 0.10


@pytest.mark.parametrize("name", ["hard", "lupil2"])
def test_changes_have_a_number_or_a_note(runs, name):
    """Visits counted in weeks and in days."""
    ran = runs[name]
    change = ran.rows(STATISTICS[0])
    assert {row["visit"] for row in change} == set(ran.plan.visits.split(",")[1:])
    for row in change:
        value = row["mean_change"]
        assert (value == "NA" and row["note"] != "NA") or math.isfinite(float(value)), row
    assert len(ran.rows(STATISTICS[1])) > 0


def test_clinical_endpoints_come_through_the_workflow(runs):
    """The simulator writes the sheet and declares the endpoints; nobody has to do anything."""
    ran = runs["hard"]
    rows = ran.rows("results/stats/categorical.tsv")
    assert {(row["endpoint"], row["visit"]) for row in rows} >= {("sri4", "W12"), ("sri4", "W24"), ("fever", "W24")}
    assert "itt_nri" in {row["analysis_set"] for row in rows if row["endpoint"] == "sri4"}
    assert "itt_nri" not in {row["analysis_set"] for row in rows if row["endpoint"] == "fever"}  # an adverse event
    told = (ran.folder / "results/report/methods.md").read_text(encoding="utf-8")
    assert "### Binary clinical endpoints" in told and "SYNTHETIC" in told


def test_the_hard_profiles_report_is_made(runs):
    page = (runs["hard"].folder / "results/report/index.html").read_text(encoding="utf-8")
    assert "SYNTHETIC" in page.upper() and all(visit in page for visit in runs["hard"].plan.visits.split(","))
