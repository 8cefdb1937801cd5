"""The verb `apply-gates`: its counts are FlowKit's own report, and what was not gated is NA and says why."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flowkit as fk
import pytest

from cytotrial.cli import main
from cytotrial.columns import AGREED_GATES, GATES, INTAKE, NOT_PLACED, POPULATIONS, QUALITY_STEPS
from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.tube import open_tube
from cytotrial.gating.flowkit_model import flowkit_strategy
from cytotrial.gating.grids import read_grids
from cytotrial.gating.ledger import read_gates
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.gating.tree_from_ledger import ledger_tree
from cytotrial.tables import read_table

CHECKOUT = Path(__file__).resolve().parents[3]
CONFIG = CHECKOUT / "config"
DEMO = CHECKOUT / "resources/demo"
Row = dict[str, str | None]
OUT = {
    "populations": "populations.tsv",
    "steps": "steps.tsv",
    "ledger": "gates.tsv",
    "ungated": "ungated.tsv",
    "moved-counts": "moved_counts.tsv",
    "grids": "grids",
}
FILES = {
    panel: {f"S001_{visit}_{panel}": DEMO / f"fcs/S001_{visit}_{panel}.fcs" for visit in ("W0", "W10")}
    for panel in ("treg", "nk")
}


class Gated:
    """One subject's files of one panel in a folder, gated by the verbs, each on what the one before it wrote."""

    def __init__(self, folder: Path, panel: str, files: dict[str, Path], *, markers: Path | None = None) -> None:
        self.folder, self.panel = folder, panel
        self.markers = markers or CONFIG / f"panels/{panel}.yaml"
        self.gating = CONFIG / f"gating/{panel}.yaml"
        rows = [f"{name}\t{path}\tS001\tW0\t{panel}\n" for name, path in files.items()]
        (folder / "samples.tsv").write_text(
            "sample_id\tfcs\tsubject_id\tvisit\tpanel\n" + "".join(rows), encoding="utf-8"
        )
        placed = {"landmarks": "landmarks.tsv", "intake": "intake.tsv"}
        assert self.verb("place-gates", *self.subject, **placed) == 0
        given = [f"--gating={panel}={self.gating}"]
        out = {"landmarks": "landmarks.tsv", "gates": "agreed_gates.tsv", "not-placed": "not_placed.tsv"}
        assert self.verb("agree-gates", *given, **out) == 0

    def verb(self, verb: str, *words: str, **tables: str) -> int:
        """Call a verb; `tables` are files of the folder."""
        return main([verb, *words, *(f"--{key}={self.folder / name}" for key, name in tables.items())])

    @property
    def subject(self) -> list[str]:
        """The options that place-gates and apply-gates share."""
        words = {"subjects": "S001", "panel": self.panel, "markers": self.markers, "gating": self.gating}
        return [f"--samples={self.folder / 'samples.tsv'}", *(f"--{key}={value}" for key, value in words.items())]

    def apply(self, *words: str, into: str = "", **given: str) -> int:
        """The verb under test: its tables in the subfolder `into`; `given` are tables in place of earlier verbs'."""
        read = {"intake": "intake.tsv", "gates": "agreed_gates.tsv", "not-placed": "not_placed.tsv"} | given
        made = {name: f"{into}{file}" for name, file in OUT.items()}
        return self.verb("apply-gates", *self.subject, *words, **read, **made)

    def populations(self, sample: str, *, of: str = "") -> dict[str, Row]:
        """Its rows of populations.tsv by population; `of` is the subfolder."""
        rows = read_table(self.folder / f"{of}populations.tsv", POPULATIONS)
        return {str(row["population"]): row for row in rows if row["sample_id"] == sample}

    def steps(self, sample: str) -> dict[str, Row]:
        """Its rows of the quality steps by step, in gating order."""
        rows = read_table(self.folder / "steps.tsv", QUALITY_STEPS)
        own = sorted((row for row in rows if row["sample_id"] == sample), key=lambda row: int(str(row["order"])))
        return {str(row["step"]): row for row in own}


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gated]:
    """Both panels: two files of the demonstration; the NK tubes with a third file that is not there."""
    made = {}
    for panel, files in FILES.items():
        folder = tmp_path_factory.mktemp(panel)
        gone = {"gone": folder / "gone.fcs"} if panel == "nk" else {}
        made[panel] = Gated(folder, panel, {**files, **gone})
        assert made[panel].apply() == 0
    return made


@pytest.fixture
def without(tmp_path: Path) -> Callable[[Sequence[str]], Gated]:
    """The NK tube gated under a marker file that lacks every line with one of these words."""

    def make(words: Sequence[str]) -> Gated:
        lines = (CONFIG / "panels/nk.yaml").read_text(encoding="utf-8").splitlines()
        markers = tmp_path / "nk.yaml"
        markers.write_text("\n".join(line for line in lines if not any(w in line for w in words)), encoding="utf-8")
        made = Gated(tmp_path, "nk", {"one": DEMO / "fcs/S001_W0_nk.fcs"}, markers=markers)
        assert made.apply() == 0
        return made

    return make


def flowkit_report(run: Gated, sample: str) -> dict[str, Any]:
    """`GatingStrategy.gate_sample(...).report` of the same model by gate name."""
    strategy = load_strategy(run.gating)
    tube = open_tube(FILES[run.panel][sample], load_panel(run.markers), strategy.scale, sample_id=sample)
    gates = [row for row in read_gates(read_table(run.folder / "gates.tsv", GATES)) if row["sample_id"] == sample]
    tree = ledger_tree(strategy, gates, tube.axes, tube.spillover)
    model = flowkit_strategy(tree, tube.file.names)
    report = model.gate_sample(fk.Sample(tube.file.data, sample_id=sample, subsample=1)).report
    return {row["gate_name"]: row for row in report.to_dict("records")}


@pytest.mark.parametrize(("panel", "sample"), [("treg", "S001_W0_treg"), ("nk", "S001_W10_nk")])
def test_counts_are_flowkits_own_report(gated: dict[str, Gated], panel: str, sample: str) -> None:
    rows, report = gated[panel].populations(sample), flowkit_report(gated[panel], sample)
    n_events = int(rows["root"]["n_events"])
    parts = {name for name in report if name.startswith("steady_time.")}  # stretches of time, joined by a Boolean gate
    assert {name for name, row in rows.items() if row["n_events"] is not None} == {"root", *report} - parts
    for name in set(report) - parts:
        row, told = rows[name], report[name]
        print(f"{sample} {name}: {row['n_events']} of {row['n_parent']}, FlowKit {told['count']} of {told['parent']}")
        assert (int(row["n_events"]), row["parent"]) == (told["count"], told["parent"])
        assert 100 * int(row["n_events"]) / int(row["n_parent"]) == pytest.approx(told["relative_percent"])
        assert 100 * int(row["n_events"]) / n_events == pytest.approx(told["absolute_percent"])


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_parents_and_children_agree(gated: dict[str, Gated], panel: str) -> None:
    for sample in FILES[panel]:
        rows = gated[panel].populations(sample)
        assert tuple(rows) == tuple(sorted(load_strategy(gated[panel].gating).population_ids))
        for name, row in rows.items():
            if name == "root" or row["n_events"] is None:  # a step whose channel the demonstration has not
                assert (row["parent"], row["n_parent"]) == (None, None)
                assert (row["reason"] is None) == (name == "root")
                continue
            assert row["n_parent"] == rows[str(row["parent"])]["n_events"], name
            assert 0 < int(row["n_events"]) <= int(row["n_parent"]), name
            assert row["reason"] is None
        if panel == "nk":  # two halves of one threshold
            halves = [int(rows[name]["n_events"]) for name in ("cd3", "cd3_negative")]
            assert sum(halves) == int(rows["lymphocytes"]["n_events"])


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_percentages_are_near_the_truth(gated: dict[str, Gated], panel: str) -> None:
    """Against what was simulated: within 4 % of a large population's, 25 % of a rare one's percentage.

    NK of lymphocytes read 2 to 3.5 % low: basophils and small monocytes lie in any lymphocyte gate.
    """
    with (DEMO / "truth.tsv").open(encoding="utf-8") as stream:
        truth = [row for row in csv.DictReader(stream, delimiter="\t") if row["sample_id"] in FILES[panel]]
    assert len(truth) == {"treg": 12, "nk": 6}[panel]
    for row in truth:
        counts = gated[panel].populations(row["sample_id"])
        got = 100 * int(counts[row["subset"]]["n_events"]) / int(counts[row["denominator"]]["n_events"])
        error = got / float(row["percent"]) - 1
        print(f"{row['sample_id']} {row['subset']}/{row['denominator']}: {got:.2f} %, error {100 * error:+.1f} %")
        assert abs(error) < (0.04 if int(row["numerator_n"]) > 500 else 0.25)


def test_quality_steps_pass_events_on(gated: dict[str, Gated]) -> None:
    steps, rows = gated["nk"].steps("S001_W0_nk"), gated["nk"].populations("S001_W0_nk")
    told = [(name, row["kind"], row["order"], row["done"]) for name, row in steps.items()]
    assert told == [
        ("in_range", "margins", "1", "Y"),
        ("steady_time", "time", "2", "Y"),
        ("singlets", "doublets", "3", "Y"),
        ("live", "dead", "4", "Y"),
    ]
    left = rows["root"]["n_events"]
    for name, row in steps.items():
        assert (row["n_in"], row["n_out"]) == (left, rows[name]["n_events"])
        assert float(row["percent_kept"]) == pytest.approx(100 * int(row["n_out"]) / int(row["n_in"]))
        left = row["n_out"]
    assert rows["lymphocytes"]["n_parent"] == left
    assert "viability peaks" in steps["live"]["reason"]  # how it was placed


def test_failed_file_is_missing_with_its_reason(gated: dict[str, Gated]) -> None:
    intake = {row["sample_id"]: row for row in read_table(gated["nk"].folder / "intake.tsv", INTAKE)}
    rows = gated["nk"].populations("gone")
    assert set(rows) == set(gated["nk"].populations("S001_W0_nk"))
    assert {row["reason"] for row in rows.values()} == {f"file failed: {intake['gone']['reasons']}"}
    assert {row[column] for row in rows.values() for column in ("parent", "n_events", "n_parent")} == {None}
    assert gated["nk"].steps("gone") == {}


def test_same_input_same_bytes(gated: dict[str, Gated]) -> None:
    run = gated["nk"]
    assert run.apply(into="again/") == 0
    names = [*(name for name in OUT.values() if name != "grids"), *(f"grids/{name}.npz" for name in FILES["nk"])]
    for name in names:
        assert (run.folder / name).read_bytes() == (run.folder / "again" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("words", "not_done", "parents"),
    [
        (["viability"], {"live": "viability"}, {"lymphocytes": "singlets", "cd3": "lymphocytes"}),
        (["time"], {"steady_time": "Time"}, {"singlets": "in_range", "live": "singlets"}),
        (
            ["scatter"],
            {"in_range": "FSC-A or SSC-A", "singlets": "FSC-A or FSC-H or FSC-W"},
            {"steady_time": "root", "live": "steady_time", "cd3": "live", "cd3_negative": "live"},
        ),
        (
            ["viability", "scatter", "time"],
            {
                "in_range": "FSC-A or SSC-A",
                "steady_time": "Time",
                "singlets": "FSC-A or FSC-H or FSC-W",
                "live": "viability",
            },
            {"cd3": "root", "cd3_negative": "root", "nk": "cd3_negative"},
        ),
    ],
)
def test_steps_that_are_not_done(
    without: Callable[[Sequence[str]], Gated], words: list[str], not_done: dict[str, str], parents: dict[str, str]
) -> None:
    """Their children hang from the next step above that was done."""
    run = without(words)
    rows, steps = run.populations("one"), run.steps("one")
    for name, channels in not_done.items():
        assert (rows[name]["n_events"], rows[name]["reason"]) == (None, f"no {channels} channel")
        assert (steps[name]["done"], steps[name]["reason"]) == ("N", f"NOT DONE: no {channels} channel")
        assert (steps[name]["n_in"], steps[name]["n_out"], steps[name]["percent_kept"]) == (None, None, None)
    assert {name for name, row in steps.items() if row["done"] == "N"} == set(not_done)
    for name, parent in parents.items():
        assert rows[name]["parent"] == parent
        assert rows[name]["n_parent"] == rows[parent]["n_events"]
    assert int(rows["nk"]["n_events"]) > 500  # the simulated tube has 1060
    lymphocytes = rows["lymphocytes"]
    if "scatter" in words:
        assert (lymphocytes["n_events"], lymphocytes["reason"]) == (None, "no FSC-A or SSC-A channel")
    else:
        assert int(lymphocytes["n_events"]) > 9000


def test_gate_that_nobody_lends(gated: dict[str, Gated], tmp_path: Path) -> None:
    """A population without a gate is NA with the agreed reason, its children NA too; the rest is counted."""
    folder = gated["nk"].folder
    for name in ("agreed_gates.tsv", "not_placed.tsv"):
        header, *lines = (folder / name).read_text(encoding="utf-8").splitlines()
        if name == "agreed_gates.tsv":
            lines = [line for line in lines if line.split("\t")[:2] != ["S001_W0_nk", "nk"]]
        else:
            lines += ["S001_W0_nk\tnk\tnot_found\tno CD56 valley", "S001_W10_nk\tnk\tnot_found\tanother file's reason"]
        (tmp_path / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    given = {"gates": str(tmp_path / "agreed_gates.tsv"), "not-placed": str(tmp_path / "not_placed.tsv")}
    assert gated["nk"].apply(into="lacking/", **given) == 0
    own = gated["nk"].populations("S001_W0_nk", of="lacking/")
    assert (own["nk"]["n_events"], own["nk"]["reason"]) == (None, "no CD56 valley")
    assert (own["cd56bright_nk"]["n_events"], own["cd56bright_nk"]["reason"]) == (None, "an ancestor was not gated")
    assert own["cd3_negative"] == gated["nk"].populations("S001_W0_nk")["cd3_negative"]
    left = [row["reason"] for row in read_table(folder / "lacking/ungated.tsv") if row["sample_id"] == "S001_W0_nk"]
    assert "no CD56 valley" in left and "another file's reason" not in left


def test_intake_of_another_run(gated: dict[str, Gated], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row that the intake lacks is told before any file is read."""
    header, *lines = (gated["nk"].folder / "intake.tsv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("S001")]
    (tmp_path / "intake.tsv").write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")
    assert gated["nk"].apply(into="other/", intake=str(tmp_path / "intake.tsv")) == 2
    assert "intake.tsv: found no row for S001_W0_nk, S001_W10_nk, expected every file" in capsys.readouterr().err
    assert not (gated["nk"].folder / "other").exists()


# What is used is written down: the ledger, the populations without a gate, the events around every gate.


def test_the_ledger_is_what_was_agreed_where_nobody_moved_a_gate(gated: dict[str, Gated]) -> None:
    folder = gated["nk"].folder
    agreed, used = (read_table(folder / name) for name in ("agreed_gates.tsv", "gates.tsv"))
    moved = dict.fromkeys(name for name in GATES.columns if name not in AGREED_GATES.columns)
    assert used == [row | moved for row in agreed if row["sample_id"] != "gone"] and len(used) >= 16
    assert read_table(folder / "ungated.tsv", NOT_PLACED) == read_table(folder / "not_placed.tsv", NOT_PLACED)


def test_every_readable_file_has_the_grids_of_its_gates(gated: dict[str, Gated]) -> None:
    """All that its picture needs: the events counted, and those of the parent."""
    for run in gated.values():
        assert {path.name for path in (run.folder / "grids").iterdir()} == {f"{name}.npz" for name in FILES[run.panel]}
        for name in FILES[run.panel]:
            rows = run.populations(name)
            grids = read_grids(run.folder / f"grids/{name}.npz")
            counted = [one for one, row in rows.items() if one != "root" and row["n_events"] is not None]
            assert sorted(grid.population for grid in grids) == counted
            for grid in grids:
                row = rows[grid.population]
                assert (grid.n_inside, grid.n_parent) == (int(str(row["n_events"])), int(str(row["n_parent"])))
                assert (int(grid.inside.sum()), int(grid.parent.sum())) == (grid.n_inside, grid.n_parent)


SHEET = "sample_id\tpopulation\tmarker\tbound\tthreshold\treviewer\tdate\treason\n"


def test_a_gate_moved_by_hand(gated: dict[str, Gated], tmp_path: Path) -> None:
    run = gated["nk"]
    row = "S001_W0_nk\tcd3\tCD3\tmin\t0.5\tA. Bee\t2026-01-05\tcuts through them\n"
    (tmp_path / "o.tsv").write_text(SHEET + row, encoding="utf-8")
    assert run.apply("--overrides", str(tmp_path / "o.tsv"), into="moved/") == 0
    gates = {(row["sample_id"], row["population"]): row for row in read_table(run.folder / "moved/gates.tsv", GATES)}
    automatic = {(row["sample_id"], row["population"]): row for row in read_table(run.folder / "gates.tsv", GATES)}
    changed = {key for key, row in gates.items() if row != automatic[key]}
    assert changed == {("S001_W0_nk", "cd3"), ("S001_W0_nk", "cd3_negative")}
    moved, before = gates["S001_W0_nk", "cd3"], automatic["S001_W0_nk", "cd3"]
    assert (moved["threshold"], moved["source"], moved["reason"]) == ("0.5", "manual", "cuts through them")
    assert moved["automatic_threshold"] == before["threshold"] and moved["automatic_reason"] == before["reason"]
    counts = {name: run.populations(name, of="moved/") for name in FILES["nk"]}
    assert counts["S001_W10_nk"] == run.populations("S001_W10_nk")
    own, was = counts["S001_W0_nk"], run.populations("S001_W0_nk")
    told = {name: (was[name]["n_events"], own[name]["n_events"]) for name in ("cd3", "cd3_negative", "nk")}
    print(f"events before and after: {told}")
    assert int(str(own["cd3"]["n_events"])) < int(str(was["cd3"]["n_events"]))
    halves = [int(str(own[name]["n_events"])) for name in ("cd3", "cd3_negative")]
    assert sum(halves) == int(str(own["lymphocytes"]["n_events"]))
    drawn = {grid.population: grid for grid in read_grids(run.folder / "moved/grids/S001_W0_nk.npz")}
    assert drawn["cd3"].n_inside == int(str(own["cd3"]["n_events"]))


def test_an_empty_option_is_no_sheet(gated: dict[str, Gated]) -> None:
    """As the rule says it for a job that no override touches."""
    run = gated["nk"]
    assert run.apply("--overrides", into="none/") == 0
    assert (run.folder / "none/gates.tsv").read_bytes() == (run.folder / "gates.tsv").read_bytes()


def test_a_sheet_with_a_mistake_stops_before_a_file_is_read(
    gated: dict[str, Gated], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "o.tsv").write_text(SHEET + "S001_W0_nk\tcd3\tCD3\tmin\t0.5\tA\t2026-01-05\t\n", encoding="utf-8")
    assert gated["nk"].apply("--overrides", str(tmp_path / "o.tsv"), into="wrong/") == 2
    assert "o.tsv, row 2: found no reason" in capsys.readouterr().err
    assert not (gated["nk"].folder / "wrong").exists()
