"""A drawn strategy through the verbs that gate, a drawn gate in a YAML strategy, and what `check` says of both."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cytotrial.cli import main
from cytotrial.commands.check import check_everything
from cytotrial.gating.grids import read_grids
from cytotrial.jobs import load_jobs

CD3 = {"FITC-A": (300.0, None)}
CD4 = {"PE-A": (500.0, None)}
CONFIG = """
trial: {{id: T, title: A trial, baseline: W0}}
arms: [{{id: A, label: Arm, role: active}}]
visits: [{{id: W0, week: 0}}]
sheets: {{samples: samples.tsv, subjects: subjects.tsv}}
panels: {{t: {{markers: panel.yaml, gating: {gating}{gate_map}}}}}
readouts: [{{id: cd4, panel: t, population: cd4, denominators: [cd3]}}]
analysis_sets: [itt]
"""
PANEL = "markers: {CD4: {channel: FITC-A}, CD8: {channel: PE-A}}\ncompensation: none\n"
MAP = 'populations: {cd3: "T cells", cd4: "T cells/CD4", not_cd4: "T cells/not CD4"}\nsamples: {two: Second tube.fcs}\n'
YAML = """
strategy: mixed
populations:
  - {id: cd3, parent: root, markers: [CD4], method: flowjo, args: {file: w.wsp, gate: T cells, sample: one.fcs}}
  - {id: cd4, parent: cd3, markers: [CD8], method: fixed, args: {threshold: 500}}
"""


class Trial:
    """Three files of one subject: the workspace knows the first by name, the second by the map, the third not."""

    def __init__(self, root: Path, wsp, fcs: Callable[..., Path]) -> None:
        self.root = root
        gates = wsp.rectangle(
            "T cells", CD3, wsp.rectangle("CD4", CD4), wsp.boolean("NotNode", "not CD4", "T cells/CD4")
        )
        samples = [wsp.sample(name, gates) for name in ("one.fcs", "Second tube.fcs")]
        self.write("w.wsp", wsp.file(*samples))
        self.write("map.yaml", MAP)
        self.write("mixed.yaml", YAML)
        self.write("panel.yaml", PANEL)
        self.write("subjects.tsv", "subject_id\tarm\titt\nS\tA\tY\n")
        rows = "".join(f"{name}\t{name}.fcs\tS\tW0\tt\t{name}\n" for name in ("one", "two", "three"))
        self.write("samples.tsv", "sample_id\tfcs\tsubject_id\tvisit\tpanel\treplicate\n" + rows)
        self.configure()
        for name in ("one", "two", "three"):
            shutil.move(fcs(f"{name}.fcs", fil=f"{name} of the instrument"), root / "moving.fcs")
            shutil.move(root / "moving.fcs", root / f"{name}.fcs")

    def write(self, name: str, text: str) -> None:
        """A file of the trial."""
        (self.root / name).write_text(text, encoding="utf-8")

    def configure(self, gating: str = "w.wsp", gate_map: str = ", gate_map: map.yaml") -> None:
        """The configuration with this strategy."""
        self.write("config.yaml", CONFIG.format(gating=gating, gate_map=gate_map))

    def rows(self, name: str) -> list[dict[str, str]]:
        """A table as text."""
        path = self.root / name if name == "check.tsv" else self.root / "work/t/S" / name
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, delimiter="\t"))

    def problems(self) -> tuple[str, ...]:
        """What `check` finds."""
        return check_everything(self.root / "config.yaml", self.root).problems

    def gate(self, gating: str, *gate_map: str) -> None:
        """The verbs up to the pictures, each job's tables where the workflow has them."""
        samples, own = "--samples=samples.tsv", "work/t/S"
        job = [samples, "--subjects=S", "--panel=t", "--markers=panel.yaml", f"--gating={gating}"]
        job += [f"--gate-map={one}" for one in gate_map]
        maps = [f"--gate-map=t={one}" for one in gate_map]
        placed = [f"--landmarks={own}/landmarks.tsv", f"--intake={own}/intake.tsv"]
        agreed = [f"--gates={own}/agreed_gates.tsv", f"--not-placed={own}/not_agreed.tsv"]
        made = (
            ("populations", "populations"),
            ("steps", "quality_steps"),
            ("ledger", "gates"),
            ("ungated", "not_placed"),
            ("moved-counts", "moved_counts"),
        )
        applied = [*(f"--{option}={own}/{name}.tsv" for option, name in made), f"--grids={own}/grids"]
        everything = [samples, "--markers=t=panel.yaml", f"--gating=t={gating}", *maps, "--tables=work"]
        for line in (
            ["place-gates", *job, *placed],
            ["agree-gates", f"--gating=t={gating}", *maps, placed[0], *agreed],
            ["apply-gates", *job, placed[1], *agreed, *applied],
            ["draw-gates", samples, "--panel=t", "--grids=work", "--gates=work", "--out=pictures"],
            ["export-gates", *everything, "--out=gatingml"],
            ["check-counts", *everything, "--percent=100", "--out=check.tsv"],
        ):
            assert main(line) == 0, line[0]


@pytest.fixture
def trial(tmp_path: Path, wsp, fcs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Trial:
    """The working directory is its folder."""
    monkeypatch.chdir(tmp_path)
    return Trial(tmp_path, wsp, fcs)


def test_drawn_strategy_through_the_verbs(trial: Trial, events: np.ndarray) -> None:
    trial.gate("w.wsp", "map.yaml")
    cd3 = events[:, 2] >= 300
    cd4 = int((cd3 & (events[:, 3] >= 500)).sum())
    counted = {(row["sample_id"], row["population"]): row for row in trial.rows("populations.tsv")}
    for name in ("one", "two"):
        rows = [counted[name, population] for population in ("root", "cd3", "cd4", "not_cd4")]
        assert [int(row["n_events"]) for row in rows] == [3000, int(cd3.sum()), cd4, int(cd3.sum()) - cd4]
        assert [(row["parent"], row["n_parent"]) for row in rows[2:]] == [("cd3", str(int(cd3.sum())))] * 2
    assert counted["three", "cd4"]["n_events"] == "NA"
    assert counted["three", "cd4"]["reason"].startswith(
        "file failed: w.wsp has no sample called neither 'three.fcs' nor"
    )
    intake = {row["sample_id"]: row for row in trial.rows("intake.tsv")}
    assert [intake[name]["readable"] for name in ("one", "two", "three")] == ["Y", "Y", "N"]
    assert "as in samples: {three: NAME}" in intake["three"]["reasons"]
    assert sorted(path.name for path in (trial.root / "pictures").iterdir()) == ["one.svg", "two.svg"]


def test_ledger_of_a_drawn_strategy(trial: Trial) -> None:
    trial.gate("w.wsp", "map.yaml")
    rows = [row for row in trial.rows("gates.tsv") if row["sample_id"] == "two"]
    seen = [(row["population"], row["marker"], row["bound"], row["source"], row["method"]) for row in rows]
    assert seen == [
        ("cd3", "CD4", "min", "fixed", "flowjo"),
        ("cd4", "CD8", "min", "fixed", "flowjo"),
        ("not_cd4", "NA", "shape", "fixed", "flowjo"),
    ]
    assert [round(float(row["threshold_linear"])) for row in rows[:2]] == [300, 500]
    boolean = rows[2]
    assert [boolean[name] for name in ("threshold", "threshold_linear", "coordinates", "channel", "scale")] == [
        "NA"
    ] * 5
    assert boolean["reason"] == 'drawn in w.wsp: T cells/not CD4; the Boolean gate not "T cells/CD4"'


def test_gate_that_one_sample_lacks_is_not_counted_there(trial: Trial, wsp) -> None:
    whole = wsp.rectangle("T cells", CD3, wsp.rectangle("CD4", CD4), wsp.boolean("NotNode", "not CD4", "T cells/CD4"))
    samples = [wsp.sample("one.fcs", whole), wsp.sample("Second tube.fcs", wsp.rectangle("T cells", CD3))]
    trial.write("w.wsp", wsp.file(*samples))
    trial.gate("w.wsp", "map.yaml")
    counted = {(row["sample_id"], row["population"]): row for row in trial.rows("populations.tsv")}
    assert counted["one", "cd4"]["n_events"] != "NA" != counted["two", "cd3"]["n_events"]
    cd4 = counted["two", "cd4"]
    assert (cd4["n_events"], cd4["reason"]) == ("NA", "w.wsp has no gate 'T cells/CD4' for 'Second tube.fcs'")
    ungated = [(row["sample_id"], row["population"], row["outcome"]) for row in trial.rows("not_placed.tsv")]
    assert ungated == [("two", "cd4", "not_found"), ("two", "not_cd4", "not_found")]


def test_drawn_gate_in_a_yaml_strategy(trial: Trial, events: np.ndarray) -> None:
    trial.gate("mixed.yaml")
    counted = {(row["sample_id"], row["population"]): row["n_events"] for row in trial.rows("populations.tsv")}
    cd3 = events[:, 2] >= 300
    for name in ("one", "two", "three"):
        assert counted[name, "cd3"] == str(int(cd3.sum()))
        assert counted[name, "cd4"] == str(int((cd3 & (events[:, 3] >= 500)).sum()))
    assert {row["source"] for row in trial.rows("gates.tsv")} == {"fixed"}
    checked = {(row["sample_id"], row["population"]): row["n_events_flowkit"] for row in trial.rows("check.tsv")}
    assert checked == counted


def test_a_drawn_strategy_is_exported_and_checked_where_that_says_anything(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    """FlowKit itself has counted it; the workspace says its gates better than GatingML can."""
    trial.gate("w.wsp", "map.yaml")
    assert trial.rows("check.tsv") == []
    assert list((trial.root / "gatingml").iterdir()) == []
    told = [line for line in caplog.messages if "the workspace says" in line]
    assert told == [f"{name}.xml: not written, the workspace says its gates exactly" for name in ("one", "two")]


def test_drawn_gates_have_the_grids_of_flowkits_events(trial: Trial) -> None:
    """Those with an outline; what the picture is made of says where they are."""
    trial.gate("w.wsp", "map.yaml")
    counted = {row["population"]: row for row in trial.rows("populations.tsv") if row["sample_id"] == "two"}
    grids = read_grids(trial.root / "work/t/S/grids/two.npz")
    assert [grid.population for grid in grids] == ["cd3", "cd4"]
    for grid in grids:
        row = counted[grid.population]
        assert (str(grid.n_inside), str(grid.n_parent)) == (row["n_events"], row["n_parent"])
        assert grid.bounds


def test_check_of_both(trial: Trial) -> None:
    assert trial.problems() == ()
    trial.configure("mixed.yaml", "")
    assert trial.problems() == ()


MISTAKES = {
    "gate": (
        "map.yaml",
        "T cells/CD4",
        "T cells/CD5",
        "populations, cd4: found 'T cells/CD5' (did you mean 'T cells/CD4'?)",
    ),
    "sample id": ("map.yaml", "{two:", "{too:", "map.yaml, samples, too: found the sample 'too' (did you mean 'two'?)"),
    "workspace": ("w.wsp", "<Workspace", "<!DOCTYPE a><Workspace", "w.wsp: found XML with a document type declaration"),
    "readout": (
        "config.yaml",
        "population: cd4",
        "population: cd8",
        "expected a population of w.wsp: root, cd3, cd4, not",
    ),
    "denominator": (
        "config.yaml",
        "[cd3]",
        "[not_cd4]",
        "'not_cd4', which does not hold cd4, expected a population above",
    ),
    "no map": ("config.yaml", ", gate_map: map.yaml", "", "w.wsp: found no gate map, expected a gate map"),
    "absent map": ("config.yaml", "gate_map: map", "gate_map: mop", "panels, t, gate_map: found no file 'mop.yaml'"),
    "map of YAML": (
        "config.yaml",
        "w.wsp",
        "mixed.yaml",
        "expected none: a YAML strategy names its populations itself",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_check_says(case: str, trial: Trial) -> None:
    name, old, new, expected = MISTAKES[case]
    text = (trial.root / name).read_text(encoding="utf-8")
    assert old in text
    trial.write(name, text.replace(old, new, 1) if case != "gate" else text.replace(f'"{old}"', f'"{new}"'))
    problems = trial.problems()
    assert sum(expected in line for line in problems) == 1, problems


NAMED = {
    "file": ("file: w.wsp", "file: v.wsp", "mixed.yaml, populations, cd3, args, file: found no file 'v.wsp'"),
    "gate": (
        "gate: T cells",
        "gate: CD4",
        "args, gate: found 'CD4' (did you mean 'T cells/CD4'?), expected a gate of w.wsp",
    ),
    "Boolean": ("gate: T cells", "gate: T cells/not CD4", "found the NotNode 'T cells/not CD4', expected a rectangle,"),
    "sample": ("sample: one.fcs", "sample: on.fcs", "args, sample: found 'on.fcs' (did you mean 'one.fcs'?)"),
    "kind": ("method: flowjo", "method: gatingml", "args, sample: found an unknown key"),
    "pool": ("method: flowjo", "pool: trial, method: flowjo", "pool: found 'trial', expected none"),
    "argument": ("gate: T cells, ", "", "args, gate: found nothing, expected a value; add it"),
}


@pytest.mark.parametrize("case", NAMED)
def test_check_says_of_a_drawn_gate_in_a_yaml_strategy(case: str, trial: Trial) -> None:
    old, new, expected = NAMED[case]
    assert old in YAML
    trial.write("mixed.yaml", YAML.replace(old, new))
    trial.configure("mixed.yaml", "")
    assert any(expected in line for line in trial.problems()), trial.problems()


def test_workspace_in_place_of_gatingml(trial: Trial) -> None:
    trial.write("mixed.yaml", YAML.replace("method: flowjo", "method: gatingml").replace(", sample: one.fcs", ""))
    trial.configure("mixed.yaml", "")
    (line,) = trial.problems()
    assert "args, file: found a FlowJo 10 workspace, expected a GatingML 2.0 file; say method: flowjo" in line


def test_jobs_depend_on_what_was_drawn(trial: Trial) -> None:
    jobs = load_jobs(Path("config.yaml"), Path())
    assert (jobs.gate_map("t"), jobs.drawn_files("t")) == (["map.yaml"], [])
    assert jobs.panel_files() == ["map.yaml", "panel.yaml", "w.wsp"]
    trial.configure("mixed.yaml", "")
    jobs = load_jobs(Path("config.yaml"), Path())
    assert (jobs.gate_map("t"), jobs.drawn_files("t")) == ([], ["w.wsp"])


def test_check_imports_nothing_heavy(trial: Trial, run_python: Callable) -> None:
    heavy = ("numpy", "pandas", "flowkit", "flowio")
    done = run_python(
        "from pathlib import Path\nfrom cytotrial.jobs import load_jobs\nload_jobs(Path('config.yaml'), Path())\n"
        f"import sys\nprint('SEEN', *[name for name in {heavy} if name in sys.modules])",
        folder=trial.root,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "SEEN"
