"""Whether a conclusion stands in the analyses that were tried, and in which of them it stands worst."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cytotrial.statistics.survival.primary import Answer
from cytotrial.statistics.survival.variations import Tried, Variation
from cytotrial.statistics_columns import DENOMINATORS, FAILS, FRAGILE, GATE, GATES_APART, HOLDS, VERDICTS

NAN = float("nan")
HELD_APART = 0.95  # share of the simulations, each a draw of every gate's place, in which a conclusion has to hold
Row = dict[str, Any]


def holds(primary: Answer, other: Answer) -> bool | None:
    """Whether a conclusion holds in another analysis; None where either has no p-value.

    A significant one (p < 0.05, nominal) holds where the sign is the same and p < 0.05 again; one that is not
    significant where p is 0.05 or more again, whatever the sign.

    Examples
    --------
    >>> holds(Answer(2.0, 2.0, 0.01), Answer(0.4, 0.4, 0.04)), holds(Answer(2.0, 2.0, 0.01), Answer(-2.0, -2.0, 0.01))
    (True, False)
    """
    if math.isnan(primary.p_value) or math.isnan(other.p_value):
        return None
    if primary.is_significant:
        return bool(other.is_significant) and (other.direction > 0) == (primary.direction > 0)
    return not other.is_significant


def judged(primary: Answer, variation: Variation) -> Row:
    """The columns of a row of ``survival`` from ``n_analyses``, of one variation.

    Parameters
    ----------
    primary : Answer
        With a p-value or without; then nothing is counted.
    """
    counted = _counted(primary, variation)
    failed = [one for one in counted if not holds(primary, one.answer)]
    moves = [abs(one.move) for one in failed if variation.name == GATE]
    n_left_out = len(variation.tried) - len(counted)
    notes = [variation.note]
    if n_left_out and not math.isnan(primary.p_value):
        notes.append(f"{n_left_out} of {len(variation.tried)} analyses have no p-value")
    return {
        "n_analyses": len(counted),
        "n_held": len(counted) - len(failed),
        "share_held": (len(counted) - len(failed)) / len(counted) if counted else NAN,
        **_extremes(counted, counted),
        "weakest": _weakest(primary, counted),
        "smallest_move": min(moves, default=None),
        "verdict": _verdict(variation.name, len(counted), len(failed), min(moves, default=None)),
        "note": "; ".join(filter(None, notes)),
    }


def judged_together(primary: Answer, variations: Sequence[Variation], rows: Sequence[Row]) -> Row:
    """The same of all variations of a primary result: the worst of their verdicts.

    The simulations count as one analysis, which holds where their verdict is ``holds``; extremes and `weakest` are of
    the others. The extremes of the estimate leave other denominators out: a percentage of something else is no
    larger or smaller effect.

    Parameters
    ----------
    rows : sequence of dict
        What `judged` returns of each of `variations`.
    """
    single = [(part.name, _counted(primary, part)) for part in variations if part.name != GATES_APART]
    counted = [one for _, found in single for one in found]
    same_unit = [one for name, found in single if name != DENOMINATORS for one in found]
    n_held = sum(bool(holds(primary, one.answer)) for one in counted)
    apart = [row["verdict"] for part, row in zip(variations, rows, strict=True) if part.name == GATES_APART]
    apart = [verdict for verdict in apart if verdict is not None]
    n_analyses, n_held_together = len(counted) + len(apart), n_held + apart.count(HOLDS)
    weakest = GATES_APART if n_held == len(counted) and apart != [HOLDS] * len(apart) else _weakest(primary, counted)
    verdicts = [row["verdict"] for row in rows if row["verdict"] is not None]
    return {
        "n_analyses": n_analyses,
        "n_held": n_held_together,
        "share_held": n_held_together / n_analyses if n_analyses else NAN,
        **_extremes(same_unit, counted),
        "weakest": weakest,
        "smallest_move": min((row["smallest_move"] for row in rows if row["smallest_move"] is not None), default=None),
        "verdict": max(verdicts, key=VERDICTS.index, default=None),
        "note": "",
    }


def _counted(primary: Answer, variation: Variation) -> list[Tried]:
    """The analyses that say something: all with a p-value, where the primary result has one."""
    return [one for one in variation.tried if holds(primary, one.answer) is not None]


def _verdict(name: str, n_analyses: int, n_failed: int, smallest_move: int | None) -> str | None:
    """Of a gate by how far it has to be moved: with other events it could easily have been one uncertainty away.

    What hangs on a gate fails on one side of it at most, so that half of the moves hold by construction: a share
    would call the worst of them fragile. Of other choices one alone is too few to fail, and another denominator asks
    another question: a percentage of lymphocytes falls where other lymphocytes become more.
    """
    if not n_analyses:
        return None
    if name == GATE:
        return {None: HOLDS, 1: FAILS}.get(smallest_move, FRAGILE)
    share = (n_analyses - n_failed) / n_analyses
    if share >= (HELD_APART if name == GATES_APART else 1.0):
        return HOLDS
    can_fail = name == GATES_APART or (n_analyses > 1 and name != DENOMINATORS)
    return FAILS if can_fail and share < 0.5 else FRAGILE


def _weakest(primary: Answer, counted: Sequence[Tried]) -> str | None:
    return max(counted, key=lambda one: _harm(primary, one.answer)).label if counted else None


def _harm(primary: Answer, other: Answer) -> tuple[bool, float]:
    """How much an analysis speaks against the conclusion: of a significant one another sign is the worst."""
    if not primary.is_significant:
        return False, -other.p_value
    is_turned = (other.direction > 0) != (primary.direction > 0)
    return is_turned, -other.p_value if is_turned else other.p_value


def _extremes(estimates: Sequence[Tried], p_values: Sequence[Tried]) -> Row:
    values = [one.answer.estimate for one in estimates]
    chances = [one.answer.p_value for one in p_values]
    return {
        "estimate_low": min(values, default=NAN),
        "estimate_high": max(values, default=NAN),
        "p_low": min(chances, default=NAN),
        "p_high": max(chances, default=NAN),
    }
