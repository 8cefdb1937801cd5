"""`cytotrial statistics` by hand: files in, files out, mistakes told without a traceback."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from cytotrial.cli import main
from cytotrial.columns import MOVED_COUNTS, SUBSETS
from cytotrial.statistics_columns import BETWEEN_ARMS, CATEGORICAL, CHANGE_FROM_BASELINE, STATISTICS, SURVIVAL
from cytotrial.tables import read_table, write_table

CONFIG = """
trial: {id: T, title: "A trial", baseline: W0}
arms:
  - {id: IL2, label: "Low-dose IL-2", role: active}
  - {id: PBO, label: "Placebo", role: control}
visits: [{id: W0, week: 0}, {id: W2, week: 2}]
readouts:
  - {id: nk, panel: nk, population: nk, denominators: [lymphocytes]}
analysis_sets: [mitt, pp]
"""
SUBJECTS = "subject_id\tarm\tmitt\tpp\nA1\tIL2\tY\tY\nA2\tIL2\tY\tN\nB1\tPBO\tY\tY\nB2\tPBO\tY\tY\n"
PERCENT = {
    ("A1", "W0"): 10.0, ("A1", "W2"): 11.0, ("A2", "W0"): 20.0, ("A2", "W2"): 23.0,
    ("B1", "W0"): 12.0, ("B1", "W2"): 12.5, ("B2", "W0"): 15.0, ("B2", "W2"): 14.0,
}  # fmt: skip


def subset_rows() -> list[dict]:
    ordinary = dict.fromkeys(SUBSETS.columns) | {
        "subset": "nk", "denominator": "lymphocytes", "panel": "nk", "is_primary": "Y", "qc_flag": "ok",
        "denominator_n": 10_000,
    }  # fmt: skip
    return [
        ordinary
        | {
            "sample_id": f"{subject}_{visit}",
            "subject_id": subject,
            "visit": visit,
            "week": int(visit[1:]),
            "numerator_n": int(100 * percent),
            "percent": percent,
        }
        for (subject, visit), percent in PERCENT.items()
    ]


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "subjects.tsv").write_text(SUBJECTS, encoding="utf-8")
    write_table(tmp_path / "subsets.tsv", SUBSETS, subset_rows())
    return tmp_path


def run(trial: Path, *more: str, out: str = "stats") -> int:
    sheets = [f"--{name}={trial / name}.tsv" for name in ("subsets", "subjects")]
    return main(["statistics", f"--config={trial}/config.yaml", *sheets, f"--out={trial / out}", *more])


def test_two_tables_with_the_numbers_worked_out_by_hand(trial):
    assert run(trial) == 0

    rows = {
        (row["analysis_set"], row["arm"]): row
        for row in read_table(trial / "stats" / "change_from_baseline.tsv", CHANGE_FROM_BASELINE)
    }
    assert set(rows) == {(s, a) for s in ("mitt", "pp") for a in ("IL2", "PBO")}
    il2 = rows["mitt", "IL2"]  # changes 1 and 3: t = 2 / (sqrt(2) / sqrt(2)) = 2, one degree of freedom
    assert (il2["n_pairs"], il2["mean_change"], il2["df"]) == ("2", "2.0", "1")
    assert (il2["hl_change"], il2["hl_low"]) == ("2.0", None) and "too few changes" in il2["note"]
    assert float(il2["t"]) == pytest.approx(2.0, rel=1e-12)
    assert float(il2["p_value"]) == pytest.approx(0.2951672353008665, rel=1e-10)  # 1 - 2 atan(2) / pi
    one = rows["pp", "IL2"]
    assert (one["n_pairs"], one["p_value"], one["sd_change"]) == ("1", None, None)
    assert "one pair" in one["note"]
    between = read_table(trial / "stats" / "between_arms.tsv", BETWEEN_ARMS)
    assert len(between) == 2 * (2 + 1)
    (change,) = [r for r in between if (r["analysis_set"], r["measure"]) == ("mitt", "change")]
    assert (change["u"], change["auc"], change["median_control"]) == ("4.0", "1.0", "-0.25")
    assert float(change["p_value"]) == pytest.approx(1 / 3, rel=1e-12)


def test_the_same_rows_in_another_order_give_the_same_bytes(trial):
    assert run(trial) == 0
    lines = (trial / "subsets.tsv").read_text(encoding="utf-8").splitlines()
    (trial / "subsets.tsv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n", encoding="utf-8")
    assert run(trial, out="again") == 0

    for table in ("change_from_baseline.tsv", "between_arms.tsv"):
        assert (trial / "again" / table).read_bytes() == (trial / "stats" / table).read_bytes()


def test_every_table_and_the_methods_are_written_with_or_without_outcomes(trial, caplog):
    (trial / "outcomes.tsv").write_text(
        "subject_id\tvisit\tendpoint\tvalue\nA1\tW2\tSRI4\t1\nA2\tW2\tSRI4\t\nB1\tW2\tSRI4\t0\nB2\tW2\tSRI4\t0\n",
        encoding="utf-8",
    )

    with caplog.at_level(logging.INFO):
        assert run(trial, f"--outcomes={trial}/outcomes.tsv") == 0
        assert run(trial, out="without") == 0

    assert "analysis set pp: IL2 1 subjects (1 with a usable value)" in caplog.text
    names = {f"{table.name}.tsv" for table in STATISTICS}
    for folder in ("stats", "without"):
        assert {path.name for path in (trial / folder).iterdir()} == {*names, "methods.md"}
    endpoint = {row["analysis_set"]: row for row in read_table(trial / "stats" / "categorical.tsv", CATEGORICAL)}
    assert set(endpoint) == {"mitt", "pp", "mitt_nri"}
    assert [endpoint["mitt"][name] for name in ("x_active", "n_active", "n_missing")] == ["1", "1", "1"]
    assert [endpoint["mitt_nri"][name] for name in ("x_active", "n_active")] == ["1", "2"]
    assert read_table(trial / "without" / "categorical.tsv", CATEGORICAL) == []
    told = (trial / "stats" / "methods.md").read_text(encoding="utf-8")
    assert "### Mixed model for repeated measures" in told and "scipy" in told
    assert len(told) > len((trial / "without" / "methods.md").read_text(encoding="utf-8"))


def test_one_pair_one_arm_or_nothing_measured_gives_na_and_no_crash(trial):
    rows = subset_rows()
    write_table(trial / "subsets.tsv", SUBSETS, [row for row in rows if row["subject_id"] in ("A1", "B1")])
    assert run(trial, out="one_each") == 0
    write_table(trial / "subsets.tsv", SUBSETS, [row | {"percent": None, "qc_flag": "not_reported"} for row in rows])
    assert run(trial, out="nothing") == 0
    for folder in ("one_each", "nothing"):
        for name in ("change_from_baseline", "between_arms", "mixed_model", "ancova", "relative_change"):
            found = read_table(trial / folder / f"{name}.tsv")
            assert found, name
            assert all(row["p_value"] is None or name == "between_arms" for row in found), name
            assert all(row["note"] for row in found if row["p_value"] is None), name
    assert {row["kind"] for row in read_table(trial / "nothing" / "missing_values.tsv")} == {"not_reported"}


def test_a_trial_with_one_arm_has_changes_and_an_empty_comparison(trial):
    one_arm = CONFIG.replace('  - {id: PBO, label: "Placebo", role: control}\n', "")
    (trial / "config.yaml").write_text(one_arm, encoding="utf-8")
    (trial / "subjects.tsv").write_text(SUBJECTS.replace("PBO", "IL2"), encoding="utf-8")

    assert run(trial) == 0

    assert len(read_table(trial / "stats" / "change_from_baseline.tsv")) == 2
    assert read_table(trial / "stats" / "between_arms.tsv", BETWEEN_ARMS) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        ("subjects.tsv", "\tpp\n", "\tper_protocol\n", "pp"),
        ("subjects.tsv", "A2\tIL2", "A2\tIL3", "found 'IL3' (did you mean 'IL2'?)"),
        ("subjects.tsv", "B2\tPBO\tY\tY\n", "", "found 'B2'"),
        ("config.yaml", "id: nk, panel", "id: nk_cells, panel", "found 'nk'"),
        ("config.yaml", "[lymphocytes]", "[cd45]", "found 'lymphocytes' of nk"),
        ("subsets.tsv", "\tpercent\t", "\tshare\t", "no column percent"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(trial, capsys, file, before, after, told):
    text = (trial / file).read_text(encoding="utf-8")
    assert before in text
    (trial / file).write_text(text.replace(before, after), encoding="utf-8")

    assert run(trial) == 2

    error = capsys.readouterr().err
    assert told in error and error.startswith("ERROR: ") and "Traceback" not in error
    assert not (trial / "stats").exists()


def moved_rows() -> list[dict]:
    """A limit of the NK gate, which each uncertainty moves by 20 events."""
    moves = {f"{'plus' if m > 0 else 'minus'}_{abs(m)}": m for m in (-3, -2, -1, 1, 2, 3)}
    limit = {"panel": "nk", "population": "nk", "marker": "CD56", "bound": "min", "counted": "nk"}
    return [
        limit
        | {"sample_id": row["sample_id"], "n_events": row["numerator_n"]}
        | {name: row["numerator_n"] - 20 * move for name, move in moves.items()}
        for row in subset_rows()
    ]


def survival(folder: Path) -> dict[tuple, dict]:
    rows = read_table(folder / "survival.tsv", SURVIVAL)
    return {(row["test"], row["arm"], row["variation"]): row for row in rows}


def test_gates_are_moved_where_their_counts_are_given(trial):
    write_table(trial / "moved.tsv", MOVED_COUNTS, moved_rows())
    assert run(trial, f"--moved-counts={trial}/moved.tsv") == 0
    rows = survival(trial / "stats")
    gate = rows["change_from_baseline", "PBO", "gate"]
    assert (gate["gate"], gate["n_analyses"], gate["verdict"]) == ("nk:nk/CD56/min", "4", "holds")
    assert rows["change_from_baseline", "PBO", "gates_apart"]["n_analyses"] == "200"
    assert rows["change_from_baseline", "PBO", "gates_apart"]["note"] == "200 simulations, seed 2020"
    told = (trial / "stats" / "methods.md").read_text(encoding="utf-8")
    assert "Sensitivity to the places of the gates" in told and "(200 simulations, seed 2020)" in told

    assert run(trial, out="without") == 0
    assert {variation for _, _, variation in survival(trial / "without")} == {
        "denominators", "analysis_sets", "reporting_limits", "all"
    }  # fmt: skip


def test_simulations_follow_their_number_and_seed_alone(trial):
    write_table(trial / "moved.tsv", MOVED_COUNTS, moved_rows())
    more = [f"--moved-counts={trial}/moved.tsv", "--simulations=7"]
    assert run(trial, *more) == 0
    lines = (trial / "moved.tsv").read_text(encoding="utf-8").splitlines()
    (trial / "moved.tsv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n", encoding="utf-8")
    assert run(trial, *more, out="again") == run(trial, *more, "--seed=1", out="other") == 0
    first, again, other = ((trial / out / "survival.tsv").read_bytes() for out in ("stats", "again", "other"))
    assert first == again != other
    assert survival(trial / "stats")["change_from_baseline", "IL2", "gates_apart"]["n_analyses"] == "7"


def test_moved_counts_of_another_run_and_bad_numbers_are_told(trial, capsys):
    write_table(trial / "moved.tsv", MOVED_COUNTS, [row | {"n_events": 5} for row in moved_rows()])
    assert run(trial, f"--moved-counts={trial}/moved.tsv") == 2
    told = capsys.readouterr().err
    assert "moved.tsv, A1_W0, nk, n_events: found 5, and other numbers in 8 rows, expected 1000" in told
    assert "Traceback" not in told
    with pytest.raises(SystemExit) as ended:
        run(trial, "--simulations=-1")
    assert ended.value.code == 2 and "expected a whole number from 0" in capsys.readouterr().err
