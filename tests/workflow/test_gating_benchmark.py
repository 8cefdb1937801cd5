"""The gating benchmark's numbers are the workflow's: the same tables, byte by byte, as Snakemake makes them."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pandas as pd
import pytest

from cytotrial.cli import main
from cytotrial.simulate.trial.plan import plan_samples

pytestmark = pytest.mark.slow

SMALL = ("--subjects-per-arm", "2", "--visits", "W0,W10", "--events", "8000")
TABLES = ("subsets.tsv", "gates.tsv", "populations.tsv", "quality_steps.tsv", "moved_counts.tsv")
MODULES = ("designs", "options", "workflow", "__main__")


@pytest.fixture(scope="module")
def gating(checkout):
    """The benchmark's modules; they are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        yield SimpleNamespace(**{name: importlib.import_module(f"benchmarks.gating.{name}") for name in MODULES})


def test_numbers_are_the_workflows(gating, run_workflow, tmp_path):
    """`hard`: files that lack channels, of integers, and gates that are borrowed are among them."""
    trial = tmp_path / "trial"
    line = ["simulate", "--trial", "he2020", "--profile", "hard", "--seed", "7001", "--out", str(trial)]
    assert main([*line, *SMALL]) == 0
    done = run_workflow(trial, "results/tables/subsets.tsv")
    assert done.returncode == 0, done.stdout + done.stderr
    size = gating.designs.Size((7001,), 2, {"he2020": ("W0", "W10")}, 8000)
    plan = gating.designs.plan_of("he2020/hard", 7001, size)
    with gating.options.processes(2) as pool:
        gating.workflow.gate_trial(plan, plan_samples(plan), folder=tmp_path / "benchmark", pool=pool)
    for name in TABLES:
        ours, theirs = ((place / "results/tables" / name) for place in (tmp_path / "benchmark", trial))
        assert ours.read_bytes() == theirs.read_bytes(), name
    ours, theirs = (pd.read_csv(place / "truth.tsv", sep="\t") for place in (tmp_path / "benchmark", trial))
    pd.testing.assert_frame_equal(ours, theirs)
    assert list((tmp_path / "benchmark" / "fcs").iterdir()) == []


def test_page_is_the_same_whatever_the_cores(gating, tmp_path, capsys):
    for cores in ("1", "2"):
        line = ["--profiles", "clinic,lupil2/clinic", "--seeds", "7001", "--events", "8000", "--subjects-per-arm", "2"]
        line += ["--cores", cores, "--out", str(tmp_path / f"{cores}.md"), "--details", str(tmp_path / f"{cores}.tsv")]
        assert gating.__main__.main(line) == 0
    assert (tmp_path / "1.md").read_bytes() == (tmp_path / "2.md").read_bytes()
    assert (tmp_path / "1.tsv").read_bytes() == (tmp_path / "2.tsv").read_bytes()
    page = (tmp_path / "1.md").read_text(encoding="utf-8")
    assert all(
        title in page
        for title in ("### he2020/clinic\n", "### lupil2/clinic\n", "### he2020/other_lab, on three days\n")
    )
    assert "SHORT" in capsys.readouterr().out or "10 of 10" in page


def test_wrong_options_are_refused_before_anything_is_simulated(gating, capsys):
    for line in (["--profiles", "clinic,clinc"], ["--profiles", "clinic", "--visits", "W2"]):
        with pytest.raises(SystemExit) as end:
            gating.__main__.main(line)
        assert end.value.code == 2
    assert "expected" in capsys.readouterr().err
