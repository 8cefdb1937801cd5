"""The validation from FCS files: its statistics are the product's, its page the same whatever the cores."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = pytest.mark.slow

MODULES = ("hypothesis_tests", "results", "study", "trials", "__main__")
SMALL = {
    **{"seeds": "7001", "null-seeds": "", "subjects-per-arm": "3", "events": "3000"},
    **{"table-trials": "4", "model-trials": "1", "replicate-bloods": "2"},
}


@pytest.fixture(scope="module")
def validation(checkout):
    """The benchmark's modules; they are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        found = {name: importlib.import_module(f"benchmarks.validation.{name}") for name in MODULES}
        yield SimpleNamespace(**found, options=importlib.import_module("benchmarks.gating.options"))


@pytest.fixture(scope="module")
def trial(validation):
    with validation.options.processes(2) as pool:
        design = validation.study.NULL_DESIGN
        return validation.trials.run_trial(design, 7002, pool, subjects_per_arm=3, events=(6000, 12_000))


@pytest.mark.parametrize("name", ["gated", "truth"])
def test_verb_and_fast_tests_agree_on_a_trial_from_files(validation, trial, name):
    """So that values, subjects and visits are laid out alike on both ways."""
    one = trial.readings[name]
    assert one.active.percent.shape == (5, 4, 3) and (name == "gated" or not np.isnan(one.active.percent).any())
    assert set(one.p) == set(validation.hypothesis_tests.TESTS)
    for test, p in validation.hypothesis_tests.p_values(one.active, one.control).items():
        np.testing.assert_allclose(p, one.p[test], rtol=1e-9, err_msg=test)
        assert not np.isnan(p[:4]).any(), test
    change = one.active.percent[:, 1:] - one.active.percent[:, :1]
    np.testing.assert_allclose(np.nanmean(change[:4], axis=-1), one.effect["active"][:4], rtol=1e-9)


def test_gates_and_truth_are_of_the_same_subjects(validation, trial):
    """Else the correlation between them, over subjects and visits, would be low."""
    assert trial.n_files == 48 and len(trial.counts) == 24 * 5
    for subset in ("cd4", "nk"):
        place = validation.study.SUBSETS.index(subset)
        gated, truth = (trial.readings[name].active.percent[place].ravel() for name in ("gated", "truth"))
        assert np.corrcoef(gated, truth)[0, 1] > 0.98
    error = validation.results.gating_errors([trial])["cd4"]
    assert error.n_subjects == 6 and error.n_samples == 24 and abs(error.bias) < 0.1


def test_page_is_the_same_whatever_the_cores(validation, tmp_path, capsys):
    for cores in ("1", "2"):
        options = {**SMALL, "cores": cores, "out": str(tmp_path / f"{cores}.md")}
        assert validation.__main__.main([word for name, value in options.items() for word in (f"--{name}", value)]) == 0
    assert (tmp_path / "1.md").read_bytes() == (tmp_path / "2.md").read_bytes()
    page = (tmp_path / "1.md").read_text(encoding="utf-8")
    for title in ("## Targets", "## Recovery", "### Trials of counts", "## Placement uncertainty"):
        assert title in page
    assert "SHORT" in page
    assert page in capsys.readouterr().out
