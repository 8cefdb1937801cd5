"""The verb `agree-gates`, on landmark tables written here: who keeps, who borrows, and what the ledger says."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.optimize import brentq

from cytotrial.cli import main
from cytotrial.columns import AGREED_GATES, LANDMARKS, NOT_PLACED
from cytotrial.commands import agree_gates
from cytotrial.errors import CytotrialError
from cytotrial.tables import read_table, write_table

Row = dict[str, Any]
STRATEGY = """\
populations:
  - {id: in_range, parent: root, markers: [FSC-A], method: below_range, step: quality}
  - {id: live, parent: in_range, markers: [viability], method: valley, args: {keep: below}, step: quality, pool: trial}
  - {id: lymphocytes, parent: live, markers: [FSC-A, SSC-A], method: scatter_cluster, step: optional, pool: batch}
  - {id: cd3, parent: lymphocytes, markers: [CD3], method: valley, pool: trial}
  - {id: cd3_negative, parent: lymphocytes, markers: [CD3], method: opposite, args: {of: cd3}}
  - {id: cd56, parent: cd3_negative, markers: [CD56], method: valley, pool: subject, fallback: [700.0]}
  - {id: cd16, parent: cd56, markers: [CD16], method: valley, pool: none}
"""
TOP = 262144.0


def landmark(sample: str, population: str, marker: str, linear: float | None = None, **changes: Any) -> Row:
    """A row of place-gates: found where `linear` or coordinates are given. ``a_W0``: subject a, visit W0, batch W0."""
    subject, visit = sample.split("_")
    is_linear = marker.split(":")[0] in ("FSC-A", "SSC-A")
    scale = ("linear", 0.0, 0.0) if is_linear else ("logicle", 1.0, 4.5)
    row = {
        **dict.fromkeys(LANDMARKS.columns),
        "sample_id": sample,
        "panel": "nk",
        "subject_id": subject,
        "batch": visit,
        "condition": None,
        "is_control": False,
        "population": population,
        "marker": marker,
        "bound": "min" if linear is not None else None,
        "outcome": "found" if linear is not None or "coordinates" in changes else "not_found",
        "threshold_linear": linear,
        "reason": "seen" if linear is not None else "no valley",
        "method": "valley",
        "n_parent": 5000,
        "channel": ":".join(f"{part} detector" for part in marker.split(":")),
        "top": TOP,
        **dict(zip(("scale", "w", "m"), scale, strict=True)),
        "a": 0.0,
    }
    return row | changes


def shape(sample: str, *corners: tuple[float, float]) -> Row:
    """A lymphocyte polygon."""
    text = json.dumps(corners)
    return landmark(sample, "lymphocytes", "FSC-A:SSC-A", bound="shape", coordinates=text, method="scatter_cluster")


def settle(folder: Path, rows: Sequence[Row], *, strategies: Sequence[str] = ()) -> tuple[dict[tuple, Row], list[Row]]:
    """Run the verb on one table: the ledger by (sample, population, bound), and the populations without a gate."""
    (folder / "nk.yaml").write_text(STRATEGY, encoding="utf-8")
    write_table(folder / "landmarks.tsv", LANDMARKS, rows)
    assert agree(folder, [f"nk={folder / 'nk.yaml'}", *strategies], ["landmarks.tsv"]) == 0
    gates = read_table(folder / "gates.tsv", AGREED_GATES)
    by_key = {(row["sample_id"], row["population"], row["bound"]): row for row in gates}
    return by_key, read_table(folder / "not_placed.tsv", NOT_PLACED)


def agree(folder: Path, gating: Sequence[str], tables: Sequence[str], *, gates: str = "gates.tsv") -> int:
    """The verb."""
    landmarks = [str(folder / name) for name in tables]
    out = ["--gates", str(folder / gates), "--not-placed", str(folder / "not_placed.tsv")]
    return main(["agree-gates", "--gating", *gating, "--landmarks", *landmarks, *out])


def logicle(linear: float, *, top: float = TOP, w: float = 1.0, m: float = 4.5, a: float = 0.0) -> float:
    """Scale value by Parks' own definition: the biexponential written down, its inverse by bisection."""
    w, x2, b = w / (m + a), a / (m + a), (m + a) * math.log(10)
    x1, x0 = x2 + w, x2 + 2 * w
    d = brentq(lambda d: 2 * (math.log(d) - math.log(b)) + w * (b + d), 1e-12, b)
    c_a = math.exp(x0 * (b + d))
    f_a = math.exp(b * x1) - c_a / math.exp(d * x1)
    first = top / (math.exp(b) - f_a - c_a / math.exp(d))

    def biexponential(y: float) -> float:
        return first * (math.exp(b * y) - c_a * math.exp(-d * y) - f_a)

    return brentq(lambda y: biexponential(y) - linear, -1.0, 2.0, xtol=1e-14)


def test_found_stays_found(tmp_path: Path) -> None:
    """Each file its own, however far from the others'."""
    places = {"a_W0": 1000.0, "a_W2": 1010.5, "b_W0": 9000.25}
    ledger, missing = settle(tmp_path, [landmark(name, "cd3", "CD3", value) for name, value in places.items()])
    for name, value in places.items():
        row = ledger[name, "cd3", "min"]
        assert (float(row["threshold_linear"]), row["source"], row["pool"], row["reason"]) == (
            value,
            "found",
            "none",
            "seen",
        )
    assert missing == []


def test_threshold_is_the_logicle_of_the_linear_one(tmp_path: Path) -> None:
    rows = [landmark("a_W0", "cd3", "CD3", 1000.0), landmark("a_W2", "cd3", "CD3", -50.0)]
    rows += [landmark("b_W0", "cd3", "CD3", 20000.0, top=4194304.0, m=4.5 + math.log10(16))]
    rows += [landmark("a_W0", "in_range", "FSC-A", 261881.856, bound="max", method="below_range")]
    ledger, _ = settle(tmp_path, rows)
    other = {"top": 4194304.0, "m": 4.5 + math.log10(16)}
    for sample, linear, scale in (("a_W0", 1000.0, {}), ("a_W2", -50.0, {}), ("b_W0", 20000.0, other)):
        got, expected = float(ledger[sample, "cd3", "min"]["threshold"]), logicle(linear, **scale)
        print(f"{linear} linear: ledger {got}, Parks {expected}, differ {got - expected:.1e}")
        assert got == pytest.approx(expected, abs=1e-6)  # flowutils sums a series near zero: 3e-7 off at -50
    assert ledger["a_W0", "cd3", "min"]["scale"] == "logicle(T=262144,W=1,M=4.5,A=0)"
    margin = ledger["a_W0", "in_range", "max"]
    assert (margin["threshold"], margin["threshold_linear"], margin["scale"], margin["source"]) == (
        "261881.856",
        "261881.856",
        "linear",
        "fixed",
    )


def test_ledger_form(tmp_path: Path) -> None:
    """The contract's columns first; sorted; a shape has coordinates and no threshold."""
    rows = [landmark("b_W0", "cd3", "CD3", 900.0), shape("a_W0", (1.0, 2.0), (30.0, 2.0), (30.0, 40.0))]
    ledger, _ = settle(tmp_path, rows)
    header, *lines = (tmp_path / "gates.tsv").read_text(encoding="utf-8").splitlines()
    contract = "sample_id population marker bound threshold threshold_linear coordinates source pool uncertainty reason"
    assert header.split("\t")[:11] == contract.split()
    assert lines == sorted(lines)
    row = ledger["a_W0", "lymphocytes", "shape"]
    assert (row["marker"], row["threshold"], row["threshold_linear"]) == ("FSC-A:SSC-A", None, None)
    assert json.loads(row["coordinates"]) == [[1.0, 2.0], [30.0, 2.0], [30.0, 40.0]]
    assert row["channel"] == "FSC-A detector:SSC-A detector"


def test_no_gate_of_its_own_borrows_the_trials_median(tmp_path: Path) -> None:
    """Of 1000, 1200 and 5000 the median is 1200, where the mean were 2400; it is put on the file's own axis."""
    places = {"a_W0": 1000.0, "b_W0": 1200.0, "c_W2": 5000.0}
    rows = [landmark(name, "cd3", "CD3", value) for name, value in places.items()]
    rows += [landmark("a_W4", "cd3", "CD3", w=1.3, channel="own detector")]
    ledger, missing = settle(tmp_path, rows)
    row = ledger["a_W4", "cd3", "min"]
    assert (float(row["threshold_linear"]), row["source"], row["pool"]) == (1200.0, "pooled", "trial")
    assert row["reason"] == "no valley, so the median of 3 files"
    assert row["channel"] == "own detector"
    assert float(row["threshold"]) == pytest.approx(logicle(1200.0, w=1.3), abs=1e-9)
    assert missing == []


def test_subjects_own_files_lend_first(tmp_path: Path) -> None:
    """a has 400 and 600; b's 9000 counts only for c, who has none: median of 400, 600 and 9000. No two of a batch."""
    rows = [landmark("a_W0", "cd56", "CD56", 400.0), landmark("a_W2", "cd56", "CD56", 600.0)]
    rows += [landmark("b_W0", "cd56", "CD56", 9000.0)]
    rows += [landmark("a_W10", "cd56", "CD56"), landmark("c_W4", "cd56", "CD56")]
    ledger, _ = settle(tmp_path, rows)
    found = {name: ledger[name, "cd56", "min"] for name in ("a_W10", "c_W4")}
    told = {name: (float(row["threshold_linear"]), row["source"], row["pool"]) for name, row in found.items()}
    assert told == {"a_W10": (500.0, "pooled", "subject a"), "c_W4": (600.0, "pooled", "trial")}


def test_batch_lends_shapes_corner_by_corner(tmp_path: Path) -> None:
    rows = [shape("a_W0", (0.0, 0.0), (10.0, 0.0), (10.0, 8.0)), shape("b_W0", (2.0, 0.0), (20.0, 0.0), (30.0, 6.0))]
    rows += [shape("d_W2", (90.0, 90.0), (99.0, 90.0), (99.0, 99.0))]
    rows += [landmark("c_W0", "lymphocytes", marker, method="scatter_cluster") for marker in ("FSC-A", "SSC-A")]
    ledger, _ = settle(tmp_path, rows)
    row = ledger["c_W0", "lymphocytes", "shape"]
    assert json.loads(row["coordinates"]) == [[1.0, 0.0], [15.0, 0.0], [20.0, 7.0]]
    assert (row["source"], row["pool"]) == ("pooled", "batch W0")
    assert row["channel"] == "FSC-A detector:SSC-A detector"


def test_nobody_to_borrow_from(tmp_path: Path) -> None:
    """The strategy's fallback where it has one, else no gate and why."""
    ledger, missing = settle(tmp_path, [landmark("a_W0", "cd56", "CD56"), landmark("a_W0", "cd3", "CD3")])
    row = ledger["a_W0", "cd56", "min"]
    assert (row["threshold_linear"], row["source"], row["pool"]) == ("700.0", "fallback", "none")
    assert row["reason"] == "no valley, so the strategy's fallback"
    assert missing == [{"sample_id": "a_W0", "population": "cd3", "outcome": "not_found", "reason": "no valley"}]


def test_pool_none_borrows_from_nobody(tmp_path: Path) -> None:
    rows = [landmark("a_W0", "cd16", "CD16", 500.0), landmark("a_W2", "cd16", "CD16")]
    ledger, missing = settle(tmp_path, rows)
    assert set(ledger) == {("a_W0", "cd16", "min")}
    assert [(row["sample_id"], row["population"]) for row in missing] == [("a_W2", "cd16")]


def test_channel_that_a_file_lacks_is_never_borrowed(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("channel", "top", "scale", "w", "m", "a", "n_parent"))
    rows = [landmark("a_W0", "live", "viability", 900.0, bound="max")]
    rows += [landmark("b_W0", "live", "viability", outcome="not_done", reason="no viability channel", **nothing)]
    ledger, missing = settle(tmp_path, rows)
    assert set(ledger) == {("a_W0", "live", "max")}
    assert [tuple(row.values()) for row in missing] == [("b_W0", "live", "not_done", "no viability channel")]


def test_opposite_follows_a_borrowed_gate(tmp_path: Path) -> None:
    """Also where the file's own opposite was not found."""
    rows = [landmark("a_W0", "cd3", "CD3", 1000.0), landmark("b_W0", "cd3", "CD3")]
    rows += [landmark("a_W0", "cd3_negative", "CD3", 1000.0, bound="max", method="opposite")]
    rows += [landmark("b_W0", "cd3_negative", "CD3", method="opposite")]
    ledger, missing = settle(tmp_path, rows)
    for name in ("a_W0", "b_W0"):
        kept, left = ledger[name, "cd3", "min"], ledger[name, "cd3_negative", "max"]
        assert kept["threshold"] == left["threshold"]
        assert (left["threshold_linear"], left["source"]) == ("1000.0", kept["source"])
    assert missing == []


def test_panels_do_not_lend_to_each_other(tmp_path: Path) -> None:
    """CD3 of the other panel is another detector: the file falls back on nothing."""
    (tmp_path / "treg.yaml").write_text(STRATEGY, encoding="utf-8")
    rows = [landmark("a_W0", "cd3", "CD3", 1000.0, panel="treg"), landmark("b_W0", "cd3", "CD3")]
    ledger, missing = settle(tmp_path, rows, strategies=[f"treg={tmp_path / 'treg.yaml'}"])
    assert {row["sample_id"] for row in ledger.values()} == {"a_W0"}
    assert ledger["a_W0", "cd3", "min"]["panel"] == "treg"
    assert [row["sample_id"] for row in missing] == ["b_W0"]


def test_order_of_the_tables_changes_no_byte(tmp_path: Path) -> None:
    (tmp_path / "nk.yaml").write_text(STRATEGY, encoding="utf-8")
    places = {"a": 1000.0, "b": 1200.0, "c": None, "d": 1100.0}
    for name, value in places.items():
        write_table(tmp_path / f"{name}.tsv", LANDMARKS, [landmark(f"{name}_W0", "cd3", "CD3", value)])
    tables = [f"{name}.tsv" for name in places]
    assert agree(tmp_path, [f"nk={tmp_path / 'nk.yaml'}"], tables, gates="one.tsv") == 0
    assert agree(tmp_path, [f"nk={tmp_path / 'nk.yaml'}"], tables[::-1], gates="two.tsv") == 0
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()
    rows = read_table(tmp_path / "one.tsv", AGREED_GATES)
    borrowed = {row["threshold_linear"] for row in rows if row["sample_id"] == "c_W0"}
    assert borrowed == {"1100.0"}


def by_job(folder: Path, value: float) -> dict[str, bytes]:
    """The verb from folder to folder, as the workflow calls it: every job's tables; b's own threshold is `value`."""
    rows = [f"{name}_{visit}\tx.fcs\t{name}\t{visit}\tnk" for name in "abc" for visit in ("W0", "W2")]
    header = "sample_id\tfcs\tsubject_id\tvisit\tpanel"
    (folder / "samples.tsv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (folder / "nk.yaml").write_text(STRATEGY, encoding="utf-8")
    cd3 = {"a_W0": 900.0, "a_W2": 910.0, "b_W0": 1000.0, "b_W2": value, "c_W0": 1100.0, "c_W2": 1110.0}
    for name in "abc":
        own = [landmark(sample, "cd3", "CD3", place) for sample, place in cd3.items() if sample[0] == name]
        own += [landmark(f"{name}_W2", "cd16", "CD16")]
        write_table(folder / "work/nk" / name / "landmarks.tsv", LANDMARKS, own)
    words = [f"--samples={folder / 'samples.tsv'}", f"--gating=nk={folder / 'nk.yaml'}"]
    words += [f"--{name}={folder / 'work'}" for name in ("landmarks", "gates", "not-placed")]
    assert main(["agree-gates", *words]) == 0
    return {
        f"{name}/{table}": (folder / "work/nk" / name / f"{table}.tsv").read_bytes()
        for name in "abc"
        for table in ("agreed_gates", "not_agreed")
    }


def test_from_folder_to_folder_every_job_has_its_own_files(tmp_path: Path) -> None:
    """Together they are the tables of all files; what nobody could lend is in them too."""
    tables = by_job(tmp_path, 1010.0)
    paths = sorted((tmp_path / "work/nk").glob("*/agreed_gates.tsv"))
    assert agree(tmp_path, [f"nk={tmp_path / 'nk.yaml'}"], [f"work/nk/{name}/landmarks.tsv" for name in "abc"]) == 0
    for name, all_files in (("agreed_gates", "gates.tsv"), ("not_agreed", "not_placed.tsv")):
        header, *lines = (tmp_path / all_files).read_bytes().splitlines()
        heads = {tables[f"{one}/{name}"].splitlines()[0] for one in "abc"}
        assert heads == {header}
        assert [line for one in "abc" for line in tables[f"{one}/{name}"].splitlines()[1:]] == lines != []
    for path in paths:
        own = {row["sample_id"] for row in read_table(path, AGREED_GATES)}
        assert own == {f"{path.parent.name}_W0", f"{path.parent.name}_W2"}


def test_what_changes_nothing_for_the_others_leaves_their_tables_as_they_were(tmp_path: Path) -> None:
    """One file's own threshold is its own; what it does to a median, it does to those that borrow."""
    before, after = by_job(tmp_path, 1010.0), by_job(tmp_path, 1011.0)
    assert {name for name in before if before[name] != after[name]} == {"b/agreed_gates"}


def test_no_readable_file_gives_empty_tables(tmp_path: Path) -> None:
    ledger, missing = settle(tmp_path, [])
    assert (ledger, missing) == ({}, [])


@pytest.mark.parametrize(
    ("gating", "told"),
    [
        (["nk.yaml"], "--gating: found nk.yaml, expected PANEL=FILE; correct it"),
        (["nk=", "=nk.yaml", "nk=nk.yaml"], "--gating: found nk=, =nk.yaml, expected PANEL=FILE; correct it"),
        (["nk=nk.yaml", "nk=other.yaml"], "--gating: found nk twice, expected one file per panel; remove one"),
        (["treg=nk.yaml"], "--gating: found none for nk, expected one for every panel of the files"),
        (["nk=gone.yaml"], "gone.yaml"),
    ],
)
def test_wrong_strategies(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    gating: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nk.yaml").write_text(STRATEGY, encoding="utf-8")
    write_table(Path("landmarks.tsv"), LANDMARKS, [landmark("a_W0", "cd3", "CD3", 1000.0)])
    assert agree(Path(), gating, ["landmarks.tsv"]) == 2
    assert told in capsys.readouterr().err
    assert not Path("gates.tsv").exists()
    parser = argparse.ArgumentParser()
    agree_gates.add_arguments(parser)
    words = ["--gating", *gating, "--landmarks", "landmarks.tsv", "--gates", "g.tsv", "--not-placed", "n.tsv"]
    with pytest.raises(CytotrialError, match=told.split(";")[0]):
        agree_gates.run(parser.parse_args(words))
