"""The hierarchy of endpoints: each is tested only while all before it were significant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan, PlannedEndpoint
from cytotrial.statistics.references import DMITRIENKO

NAN = float("nan")
ALPHA = 0.05

METHOD = Method(
    title="Hierarchy of endpoints",
    text="""
    The endpoints that the configuration puts in order were tested in that order, each at two-sided 0.05 and only if
    all before it were significant (fixed-sequence test), which keeps the probability of any false claim at 0.05
    within an analysis set. Binary endpoints were tested by the (N - 1)/N chi-square or Fisher's exact test, whichever
    applied, continuous ones by Welch's t test. An endpoint without a p-value ended the sequence.
    """,
    references=(
        "Maurer W, Hothorn LA, Lehmacher W. Multiple comparisons in drug clinical trials and preclinical assays: "
        "a-priori ordered hypotheses. In: Vollmar J (ed). Biometrie in der chemisch-pharmazeutischen Industrie 6. "
        "Stuttgart: Fischer 1995:3-18 (no DOI)",
        DMITRIENKO,
    ),
)


def gatekeeping(
    categorical_rows: Iterable[Mapping[str, Any]], continuous_rows: Iterable[Mapping[str, Any]], plan: AnalysisPlan
) -> list[dict[str, Any]]:
    """A row for every analysis set of the plan and endpoint of the hierarchy.

    Parameters
    ----------
    categorical_rows, continuous_rows : iterable of mapping
        What `categorical` and `continuous` return.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.GATEKEEPING`. ``p_value`` is the endpoint's own, tested or not;
        ``is_significant`` is NaN where the endpoint is not tested. None without an active and a control arm, or
        without any endpoint's rows.

    Notes
    -----
    Significant is p <= 0.05. Each analysis set is a sequence of its own: only the primary one makes claims.

    References
    ----------
    Dmitrienko A, Tamhane AC. Pharm Stat 2007;6:171-180. doi:10.1002/pst.291
    """
    found = {_key(row): (row["preferred"], row["preferred_p"]) for row in categorical_rows}
    found |= {_key(row): ("welch_t", row["welch_p"]) for row in continuous_rows}
    if plan.pair is None or not found:
        return []
    ordered = sorted((one for one in plan.endpoints if one.order is not None), key=lambda one: one.order or 0)
    return [row for analysis_set in plan.analysis_sets for row in _sequence(ordered, found, analysis_set)]


def _key(row: Mapping[str, Any]) -> tuple[str, str, str | None]:
    return row["analysis_set"], row["endpoint"], row["visit"]


def _sequence(
    ordered: list[PlannedEndpoint], found: Mapping[tuple[str, str, str | None], tuple[Any, float]], analysis_set: str
) -> list[dict[str, Any]]:
    rows, stopped_by = [], ""
    for endpoint in ordered:
        test, p_value = found.get((analysis_set, endpoint.id, endpoint.visit), (None, NAN))
        has_p = not math.isnan(p_value)
        is_tested = has_p and not stopped_by
        is_significant = p_value <= ALPHA if is_tested else NAN
        notes = [f"not tested: {stopped_by}"] if stopped_by else []
        if not has_p:
            notes.append("no p-value: see the endpoint's row" if test else "no p-value: no data of both arms")
        name = f"{endpoint.id} at {endpoint.visit}"
        if is_tested and not is_significant:
            stopped_by = f"{name} before it was not significant"
        elif not has_p and not stopped_by:
            notes.append("the sequence stops here")
            stopped_by = f"{name} before it could not be tested"
        rows.append(
            {
                "analysis_set": analysis_set,
                "order": endpoint.order,
                "endpoint": endpoint.id,
                "visit": endpoint.visit,
                "test": test,
                "p_value": p_value,
                "alpha": ALPHA,
                "is_tested": is_tested,
                "is_significant": is_significant,
                "note": "; ".join(notes),
            }
        )
    return rows
