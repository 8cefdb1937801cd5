"""The bundled trial, run whole, against its known truth; and the benchmark's own arithmetic, worked by hand."""

from __future__ import annotations

import importlib.util
import shutil

import pandas as pd
import pytest

PRIMARY = [("cd4", "cd3"), ("cd8", "cd3"), ("treg", "cd4"), ("nk", "lymphocytes"), ("cd56bright_nk", "nk")]
LEAST_WITHIN_15 = 90.0  # percent of the files of every subset


@pytest.fixture(scope="module")
def accuracy(checkout):
    """The benchmark, which is no part of the installed package."""
    place = importlib.util.spec_from_file_location("accuracy", checkout / "benchmarks" / "accuracy.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bundled_run(checkout, run_workflow, tmp_path_factory):
    """The repository's own config/, unchanged, up to the percentages, where the FCS files are linked."""
    folder = tmp_path_factory.mktemp("bundled") / "trial"
    shutil.copytree(checkout / "config", folder / "config")
    (folder / "resources").symlink_to(checkout / "resources", target_is_directory=True)
    done = run_workflow(folder, "results/tables/subsets.tsv")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_bundled_trial_comes_out_near_its_truth(bundled_run, accuracy, checkout):
    subsets = accuracy.read_table(bundled_run / "results" / "tables" / "subsets.tsv")
    truth = accuracy.read_table(checkout / "resources" / "demo" / "truth.tsv")
    table = accuracy.summary(accuracy.with_truth(subsets, truth))
    print(table.to_string(float_format=lambda value: f"{value:.3f}"))
    assert (table["files"] == 40).all() and (table["measured"] == 40).all()
    primary = table.loc[PRIMARY]
    assert len(primary) == 5
    assert (primary["within_15_%"] >= LEAST_WITHIN_15).all(), primary["within_15_%"]


@pytest.mark.slow
def test_bundled_trial_has_no_failed_file(bundled_run, accuracy):
    status = pd.read_csv(bundled_run / "results" / "tables" / "status.tsv", sep="\t")
    print(status["status"].value_counts().to_dict())
    assert len(status) == 80 and "failed" not in set(status["status"])


@pytest.mark.slow
def test_benchmark_prints_the_same_by_hand(bundled_run, accuracy, capsys):
    assert accuracy.main(["--results", str(bundled_run / "results")]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n{subset} " in printed for subset, _ in PRIMARY) and "within_15_%" in printed


def frame(rows):
    columns = ["sample_id", "subset", "denominator", "percent"]
    return pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows], columns=columns)


def test_summary_worked_by_hand(accuracy):
    truth = frame(
        [("a", "nk", "cd3", 10.0), ("b", "nk", "cd3", 20.0), ("c", "nk", "cd3", 40.0), ("d", "nk", "cd3", 5.0)]
    )
    measured = frame(
        [("a", "nk", "cd3", 11.2), ("b", "nk", "cd3", 16.0), ("c", "nk", "cd3", 42.0), ("d", "nk", "cd3", None)]
    )
    row = accuracy.summary(accuracy.with_truth(measured, truth)).loc[("nk", "cd3")]
    # errors +12, -20, +5 and one file without a value: 2 of 4 within 15 %, 1 of 4 within 10 %
    assert (row["files"], row["measured"]) == (4, 3)
    assert row["bias_%"] == pytest.approx(-1.0)
    assert (row["min_%"], row["max_%"]) == (pytest.approx(-20.0), pytest.approx(12.0))
    assert row["sd_%"] == pytest.approx(((13**2 + 19**2 + 6**2) / 2) ** 0.5)
    assert (row["within_15_%"], row["within_10_%"]) == (50.0, 25.0)
    assert row["spearman"] == pytest.approx(1.0)


def test_concordance_worked_by_hand(accuracy):
    """1, 2, 3 against 2, 3, 4: both variances 2/3, covariance 2/3, means 1 apart: (4/3) / (4/3 + 1) = 4/7."""
    assert accuracy.concordance(pd.Series([2.0, 3.0, 4.0]), pd.Series([1.0, 2.0, 3.0])) == pytest.approx(4 / 7)
    assert accuracy.concordance(pd.Series([1.0, 2.0]), pd.Series([1.0, 2.0])) == 1.0
    assert accuracy.concordance(pd.Series([2.0, 1.0]), pd.Series([1.0, 2.0])) == -1.0


def test_truth_of_nothing_is_within_nothing(accuracy):
    both = accuracy.with_truth(frame([("a", "nk", "cd3", 1.0)]), frame([("a", "nk", "cd3", 0.0)]))
    row = accuracy.summary(both).loc[("nk", "cd3")]
    assert row["within_15_%"] == 0.0 and pd.isna(row["bias_%"])


def test_results_of_another_trial_are_refused(accuracy, tmp_path, capsys):
    with pytest.raises(ValueError, match="no sample of the truth"):
        accuracy.with_truth(frame([("x", "nk", "cd3", 1.0)]), frame([("a", "nk", "cd3", 1.0)]))
    assert accuracy.main(["--results", str(tmp_path)]) == 1
    assert "snakemake" in capsys.readouterr().err
