"""A whole run of a small good trial: every promised file, its columns, its numbers, the same bytes again."""

from __future__ import annotations

import json
import math
import random
from statistics import mean, median

import pytest

pytestmark = pytest.mark.slow

PREPARED = ("in_range", "steady_time", "singlets", "live", "lymphocytes", "cd3")
POPULATIONS = {
    "treg": {*PREPARED, "cd4", "cd8", "treg"},
    "nk": {*PREPARED, "cd3_negative", "nk", "cd56bright_nk"},
}
PRIMARY = {"cd4": "cd3", "cd8": "cd3", "treg": "cd4", "nk": "lymphocytes", "cd56bright_nk": "nk"}
SOURCES = {"fixed", "found", "pooled", "fallback", "fmo", "manual"}
FLAGS = {"ok", "flagged", "below_lloq", "not_reported"}
NORMAL_975 = 1.959963984540054
PAIRS = 9  # subset and denominator: 2 + 2 + 2 for cd4, cd8, treg; 1 + 2 for nk, cd56bright_nk


@pytest.fixture(scope="module")
def trial(good_run):
    made, done = good_run
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def as_number(cell):
    return None if cell == "NA" else float(cell)


def test_exit_is_zero_and_nothing_else_was_written(trial):
    assert {place.name for place in trial.root.iterdir()} == {"config", "fcs", "results", ".snakemake"}
    assert sorted(place.name for place in trial.path("config").iterdir()) == [
        "config.yaml",
        "gating",
        "panels",
        "samples.tsv",
        "subjects.tsv",
    ]


def test_columns_are_the_contracts_in_its_order(trial, contract_tables):
    for name, (_, columns) in contract_tables.items():
        header = trial.path(name).read_text(encoding="utf-8").split("\n", 1)[0].split("\t")
        assert header[: len(columns)] == columns, name
        assert len(set(header)) == len(header), name


def test_wide_has_a_column_per_subset(trial):
    assert list(trial.rows("results/tables/subsets_wide.tsv")[0]) == ["subject_id", "visit", *PRIMARY]


def test_tables_are_tab_separated_text_sorted_by_key(trial, contract_tables):
    for name, (key, _) in contract_tables.items():
        raw = trial.path(name).read_bytes()
        raw.decode("ascii" if name.endswith("gates.tsv") else "utf-8")
        assert not raw.startswith(b"\xef\xbb\xbf") and b"\r" not in raw and raw.endswith(b"\n"), name
        rows = trial.rows(name)
        keys = [tuple(row[column] for column in key) for row in rows]
        assert rows or name == "results/stats/categorical.tsv", name  # the trial has no outcomes sheet
        assert keys == sorted(keys) and len(set(keys)) == len(keys), name
        widths = {line.count("\t") for line in raw.decode().splitlines()}
        assert len(widths) == 1, name
        assert not [row for row in rows if "" in row.values() or "nan" in row.values()], name


def test_numbers_have_full_precision(trial, contract_tables):
    """Every decimal is the shortest text that gives the same double back: nothing was rounded for show."""
    long = 0
    for name in contract_tables:
        for row in trial.rows(name):
            for column, cell in row.items():
                if column in ("percent", "ci_low", "ci_high", "threshold", "mean_change", "p_value") and cell != "NA":
                    assert cell in (repr(float(cell)), str(int(float(cell)))), (name, column, cell)
                    long += len(cell) > 10
    print(f"{long} numbers of more than ten characters")
    assert long > 500


def test_every_file_and_population_has_its_row(trial):
    status = trial.rows("results/tables/status.tsv")
    sheet = trial.rows("config/samples.tsv")
    assert [row["sample_id"] for row in status] == sorted(row["sample_id"] for row in sheet) and len(status) == 16
    assert {row["status"] for row in status} <= {"ok", "flagged"}
    populations = trial.rows("results/tables/populations.tsv")
    for file in status:
        own = {row["population"]: row for row in populations if row["sample_id"] == file["sample_id"]}
        root = own.pop("root")
        assert (root["n_events"], root["parent"], root["n_parent"]) == (file["n_events"], "NA", "NA")
        if file["panel"] == "nk":  # the demonstration's panel maps no dump
            skipped = own.pop("without_monocytes")
            assert (skipped["n_events"], skipped["reason"]) == ("NA", "no dump channel")
        assert set(own) == POPULATIONS[file["panel"]]
        for row in own.values():
            assert int(row["n_events"]) <= int(row["n_parent"])
            if row["parent"] in own:
                assert row["n_parent"] == own[row["parent"]]["n_events"], row
        assert own["live"]["n_events"] == file["n_events_kept"]
        assert own["in_range"]["n_parent"] == file["n_events"]


def test_the_ledger_names_every_gate_and_where_it_came_from(trial):
    gates = trial.rows("results/tables/gates.tsv")
    panel = {row["sample_id"]: row["panel"] for row in trial.rows("config/samples.tsv")}
    for sample, name in panel.items():
        assert {row["population"] for row in gates if row["sample_id"] == sample} == POPULATIONS[name]
    for row in gates:
        assert row["source"] in SOURCES and row["bound"] in ("min", "max", "shape"), row
        assert row["reason"] != "NA" and row["pool"] != ""
        if row["bound"] == "shape":
            assert (row["threshold"], row["threshold_linear"]) == ("NA", "NA")
            assert all(len(vertex) == 2 for vertex in json.loads(row["coordinates"]))
        else:
            assert math.isfinite(float(row["threshold"])) and row["coordinates"] == "NA"
    shapes = {row["marker"] for row in gates if row["population"] == "lymphocytes"}
    assert shapes == {"FSC-A:SSC-A"}


def test_percentages_are_counts_of_populations_over_counts(trial):
    counts = {
        (row["sample_id"], row["population"]): row["n_events"] for row in trial.rows("results/tables/populations.tsv")
    }
    rows = trial.rows("results/tables/subsets.tsv")
    assert len(rows) == 8 * 6 + 8 * 3
    for row in rows:
        assert row["numerator_n"] == counts[row["sample_id"], row["subset"]]
        assert row["denominator_n"] == counts[row["sample_id"], row["denominator"]]
        assert float(row["percent"]) == 100 * int(row["numerator_n"]) / int(row["denominator_n"])
        assert row["is_primary"] == ("Y" if PRIMARY[row["subset"]] == row["denominator"] else "N")
        assert row["qc_flag"] in FLAGS and (row["qc_flag"] == "ok") == (row["qc_reason"] == "NA")
        assert row["week"] == row["visit"].removeprefix("W") and row["condition"] == "NA"


def test_intervals_are_wilsons(trial):
    """Wilson's own formula (doi:10.1080/01621459.1927.10502953), written out here."""
    largest = 0.0
    for row in trial.rows("results/tables/subsets.tsv"):
        x, n = int(row["numerator_n"]), int(row["denominator_n"])
        share, square = x / n, NORMAL_975**2
        centre = (share + square / (2 * n)) / (1 + square / n)
        half = NORMAL_975 * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
        for cell, expected in ((row["ci_low"], centre - half), (row["ci_high"], centre + half)):
            largest = max(largest, abs(float(cell) - 100 * expected))
    print(f"largest deviation from Wilson's formula: {largest:.2e} percentage points")
    assert largest < 1e-9


def test_wide_table_is_the_primary_percentages(trial):
    wide = trial.rows("results/tables/subsets_wide.tsv")
    assert len(wide) == 8
    primary = {
        (row["subject_id"], row["visit"], row["subset"]): row["percent"]
        for row in trial.rows("results/tables/subsets.tsv")
        if row["is_primary"] == "Y"
    }
    for row in wide:
        assert {name: row[name] for name in PRIMARY} == {
            name: primary[row["subject_id"], row["visit"], name] for name in PRIMARY
        }


def test_changes_are_differences_of_the_wide_table(trial):
    arms = {row["subject_id"]: row["arm"] for row in trial.rows("config/subjects.tsv")}
    wide = {(row["subject_id"], row["visit"]): row for row in trial.rows("results/tables/subsets_wide.tsv")}
    rows = trial.rows("results/stats/change_from_baseline.tsv")
    follow_up = [row for row in rows if row["visit"] == "W10"]
    assert len(follow_up) == 3 * 2 * PAIRS
    for row in follow_up:
        assert row["n_pairs"] == "2"
        if row["denominator"] != PRIMARY[row["subset"]]:
            continue
        people = [name for name, arm in arms.items() if arm == row["arm"]]
        first = [float(wide[name, "W0"][row["subset"]]) for name in people]
        last = [float(wide[name, "W10"][row["subset"]]) for name in people]
        changes = [b - a for a, b in zip(first, last, strict=True)]
        assert float(row["mean_baseline"]) == pytest.approx(mean(first), rel=1e-12)
        assert float(row["mean_change"]) == pytest.approx(mean(changes), rel=1e-9)
        half_range = abs(changes[0] - changes[1]) / 2  # of two values the standard error of the mean
        assert float(row["t"]) == pytest.approx(mean(changes) / half_range, rel=1e-9)
        assert row["df"] in ("1", "1.0")


def test_arms_are_compared_by_their_ranks(trial):
    arms = {row["subject_id"]: row["arm"] for row in trial.rows("config/subjects.tsv")}
    wide = {(row["subject_id"], row["visit"]): row for row in trial.rows("results/tables/subsets_wide.tsv")}
    rows = trial.rows("results/stats/between_arms.tsv")
    assert {row["measure"] for row in rows} == {"level", "change"}
    levels = [row for row in rows if row["measure"] == "level" and row["denominator"] == PRIMARY[row["subset"]]]
    assert len(levels) == 3 * 2 * 5
    for row in levels:
        active, control = (
            [float(wide[name, row["visit"]][row["subset"]]) for name, own in arms.items() if own == arm]
            for arm in ("IL2", "PBO")
        )
        assert (row["n_active"], row["n_control"]) == ("2", "2")
        assert float(row["median_active"]) == pytest.approx(median(active), rel=1e-12)
        wins = sum(a > b for a in active for b in control)
        # Two against two: of the 6 ways to share out the ranks, those at least as far from 2 wins.
        assert float(row["p_value"]) == pytest.approx({0: 1 / 3, 1: 2 / 3, 2: 1.0, 3: 2 / 3, 4: 1 / 3}[wins])
        assert float(row["auc"]) == pytest.approx(wins / 4)


def test_report_is_one_file_that_needs_no_other(trial):
    page = trial.path("results/report/index.html").read_text(encoding="utf-8")
    assert sorted(place.name for place in trial.path("results/report").iterdir()) == ["index.html", "methods.md"]
    assert "A small trial" in page and "<html" in page
    for loaded in ("<link", "src=http", 'src="http', "@import", "url(http", "<script src"):
        assert loaded not in page, loaded
    assert str(trial.root) not in page, "a path of this machine is in the page"


def test_nothing_is_left_to_be_done(trial, run_workflow):
    done = run_workflow(trial.root, "--dry-run")
    assert done.returncode == 0 and "Nothing to be done" in done.stdout + done.stderr, done.stdout


def test_logs_are_kept_per_job(trial):
    folder = trial.path("results/logs")
    logs = {place.relative_to(folder).as_posix() for place in folder.rglob("*.log")}
    per_subject = {
        f"{verb}/{panel}/S00{number}.log"
        for verb in ("apply_gates", "place_gates")
        for panel in ("nk", "treg")
        for number in (1, 2, 3, 4)
    }
    once = ("agree_gates", "check_counts", "record_overrides", "tabulate", "statistics", "report", "export_gates")
    per_panel = {f"draw_gates/{panel}.log" for panel in ("nk", "treg")}
    assert logs == per_subject | per_panel | {f"{verb}.log" for verb in once}


def test_every_file_has_its_picture(trial):
    """Under its panel; what a picture is made of lies beside its counts."""
    for row in trial.rows("config/samples.tsv"):
        panel, name = row["panel"], row["sample_id"]
        assert trial.path(f"results/interim/{panel}/pictures/{name}.svg").read_text(encoding="utf-8").startswith("<svg")
        assert trial.path(f"results/interim/{panel}/{row['subject_id']}/grids/{name}.npz").is_file()
    assert len(list(trial.path("results/interim").glob("*/pictures/*.svg"))) == 16


def test_flowkit_has_counted_some_files_of_each_panel_again(trial):
    """2 % of 8 files is one; every population of it, to the event."""
    checked = trial.rows("results/tables/gating_check.tsv")
    counted = {(r["sample_id"], r["population"]): r["n_events"] for r in trial.rows("results/tables/populations.tsv")}
    names = {row["sample_id"] for row in checked}
    assert sorted(name.rpartition("_")[2] for name in names) == ["nk", "treg"]
    expected = {key: n for key, n in counted.items() if key[0] in names and n != "NA"}
    assert {(row["sample_id"], row["population"]): row["n_events"] for row in checked} == expected
    assert [row["n_events_flowkit"] for row in checked] == [row["n_events"] for row in checked]


def test_nobody_moved_a_gate(trial):
    assert trial.rows("results/tables/override_history.tsv") == []
    assert {row["reviewer"] for row in trial.rows("results/tables/gates.tsv")} == {"NA"}


def test_same_bytes_with_one_core_another_folder_larger_jobs_and_shuffled_sheets(
    trial, make_trial, run_workflow, tmp_path
):
    other = make_trial(tmp_path / "another" / "place")
    run = "run: {subjects_per_job: 3}\n"
    with other.path("config/config.yaml").open("a", encoding="utf-8") as stream:
        stream.write(run)
    for sheet in ("config/samples.tsv", "config/subjects.tsv"):
        rows = other.rows(sheet)
        random.Random(7).shuffle(rows)
        other.write_rows(sheet, rows)
    assert other.path("config/samples.tsv").read_bytes() != trial.path("config/samples.tsv").read_bytes()
    done = run_workflow(other.root, cores=1)
    assert done.returncode == 0, done.stdout + done.stderr
    compared = 0
    for folder in ("tables", "stats", "report", "exports/gatingml"):
        first, second = ({p.name: p for p in t.path(f"results/{folder}").iterdir()} for t in (trial, other))
        assert set(first) == set(second)
        for name in first:
            made = second[name].read_bytes()
            if name == "index.html":  # it shows the configuration
                assert made.count(run.encode()) == 1
                made = made.replace(run.encode(), b"")
            assert first[name].read_bytes() == made, name
            compared += 1
    print(f"{compared} files compared byte by byte")
    jobs = {place.parent.name for place in other.path("results/interim").glob("*/*/intake.tsv")}
    assert jobs == {"S001_to_S003", "S004"}
    assert compared >= 25
