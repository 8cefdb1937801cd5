"""The tests whose error rates and power are measured: from the product's tables, and for many trials at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.validation.study import ACTIVE, ANALYSIS_SET, CONTROL, PRIMARY, SUBSETS
from cytotrial.statistics.methods import batched

Array = NDArray[np.float64]
LEVEL = 0.05
MULTIPLICITY = {"nominal": np.asarray, "Holm": batched.holm, "BH": batched.benjamini_hochberg}


@dataclass(frozen=True)
class Source:
    """Where a test stands in the product's tables, and its name in words."""

    words: str
    table: str
    column: str
    only: Mapping[str, str]


TESTS = {
    "paired_t_active": Source("paired t, active arm", "change_from_baseline", "p_value", {"arm": ACTIVE}),
    "paired_t_control": Source("paired t, placebo arm", "change_from_baseline", "p_value", {"arm": CONTROL}),
    "mann_whitney_level": Source("Mann-Whitney, level", "between_arms", "p_value", {"measure": "level"}),
    "mann_whitney_change": Source("Mann-Whitney, change", "between_arms", "p_value", {"measure": "change"}),
    "welch_change": Source("Welch t, change", "between_arms", "welch_p", {"measure": "change"}),
    "ancova_logit": Source("ANCOVA, logit", "ancova", "p_value", {"scale": "logit"}),
    "mixed_model_logit": Source("mixed model, logit", "mixed_model", "p_value", {"scale": "logit"}),
}
BATCHED = tuple(test for test in TESTS if test != "mixed_model_logit")
EFFECTS = {
    "active": Source("mean change, active arm", "change_from_baseline", "mean_change", {"arm": ACTIVE}),
    "between": Source("difference of the mean changes", "between_arms", "mean_difference", {"measure": "change"}),
}


@dataclass(frozen=True)
class Values:
    """One arm's values of the primary denominators; shape (..., n_subsets, n_visits, n_subjects), baseline first.

    Attributes
    ----------
    percent, logit : ndarray
        NaN where there is no value.
    """

    percent: Array
    logit: Array

    def of(self, subjects: NDArray[np.int_]) -> Values:
        """The values of some subjects, shape (m, n): as m arms, shape (m, n_subsets, n_visits, n)."""
        return Values(*(np.moveaxis(values[..., subjects], -2, 0) for values in (self.percent, self.logit)))


def p_values_of_tables(
    tables: Mapping[str, pd.DataFrame], visits: Collection[str], sources: Mapping[str, Source] = TESTS
) -> dict[str, Array]:
    """Name of a source -> its column, shape (n_subsets, n_visits); NaN where the product gives none.

    Parameters
    ----------
    tables : mapping
        Name -> table of the statistics; a source whose table is not there is left out.
    visits : collection of str
        After the baseline, in order.
    """
    found = {}
    for name, source in sources.items():
        if source.table in tables:
            rows = tables[source.table]
            wanted = {"analysis_set": ANALYSIS_SET, **source.only}
            rows = rows[np.logical_and.reduce([rows[column] == value for column, value in wanted.items()])]
            rows = rows[rows["denominator"] == rows["subset"].map(PRIMARY)]
            cells = rows.set_index(["subset", "visit"], verify_integrity=True)[source.column].astype(float)
            found[name] = cells.unstack("visit").reindex(index=SUBSETS, columns=list(visits)).to_numpy()
    return found


def p_values(active: Values, control: Values, tests: Collection[str] = BATCHED) -> dict[str, Array]:
    """Test -> p at every visit after the baseline, shape (..., n_subsets, n_visits - 1), as the product's tables."""
    return {test: _p_value(test, active, control) for test in tests}


def _p_value(test: str, active: Values, control: Values) -> Array:
    if test in ("paired_t_active", "paired_t_control"):
        arm = (active if test == "paired_t_active" else control).percent
        return batched.paired_t(arm[..., :1, :], arm[..., 1:, :]).p_value
    if test == "mann_whitney_level":
        return batched.mann_whitney(active.percent[..., 1:, :], control.percent[..., 1:, :]).p_value
    if test == "ancova_logit":
        both = np.concatenate([active.logit, control.logit], axis=-1)
        is_active = np.repeat([True, False], [active.logit.shape[-1], control.logit.shape[-1]])
        return batched.ancova(both[..., :1, :], both[..., 1:, :], is_active).p_value
    changes = (arm.percent[..., 1:, :] - arm.percent[..., :1, :] for arm in (active, control))
    test_of_changes = {"mann_whitney_change": batched.mann_whitney, "welch_change": batched.welch}[test]
    return test_of_changes(*changes).p_value


def adjusted(p: Array, method: str) -> Array:
    """p of a family, all subsets and visits of a trial (the last two axes), by a method of `MULTIPLICITY`."""
    return MULTIPLICITY[method](p.reshape(*p.shape[:-2], -1)).reshape(p.shape)
