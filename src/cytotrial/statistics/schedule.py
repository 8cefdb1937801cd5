"""Which visits are peaks, troughs and carry-over, from when the drug is given."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cytotrial.errors import CytotrialError, problem
from cytotrial.statistics.plan import Schedule

logger = logging.getLogger(__name__)

MOST_TOLERANCE = 0.5  # weeks between a planned visit and the end of a block or break
SHARE = 0.25  # of the shortest block or break, so that one visit is never near both its ends
ROUNDING = 1e-9  # weeks: days are sevenths of them


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of a subject's changes from baseline, visit -> weight; empty weights where `note` says why."""

    id: str
    visits: tuple[str, ...]
    weights: Mapping[str, float]
    note: str = ""


def schedule_of(
    visits: Sequence[str], weeks: Sequence[float], *, baseline: str, dosing: Sequence[tuple[float, float]]
) -> Schedule:
    """Peaks at the ends of dosing blocks, troughs at the ends of the breaks, carry-over after the last trough.

    Parameters
    ----------
    visits, weeks : sequence, equal lengths
        In order of time.
    dosing : sequence of tuple of float
        First and last week of each block. To an end of a block or break belongs the visit that is nearest to it, the
        earlier of two, if it is at most half a week off and at most a quarter of the shortest block or break.

    Returns
    -------
    Schedule
        Empty where there are no two blocks, where an end of a block and the start of the next one are one visit, or
        where no visit is near the ends: then nothing is peak or trough, and one INFO line says why.

    Notes
    -----
    The break after the last block is taken to be as long as the one before it.

    Examples
    --------
    >>> found = schedule_of(
    ...     ["W0", "W2", "W4", "W6", "W8", "W10", "W12", "W16"], [0, 2, 4, 6, 8, 10, 12, 16],
    ...     baseline="W0", dosing=[(0, 2), (4, 6), (8, 10)])
    >>> found.peak, found.trough, found.carry_over
    (('W2', 'W6', 'W10'), ('W4', 'W8', 'W12'), ('W16',))
    """
    blocks = sorted(dosing)
    if not blocks:
        return Schedule()
    if len(blocks) < 2:
        return _no_schedule("there is one dosing period, and so no break between two")
    ends = [end for _, end in blocks]
    starts = [start for start, _ in blocks[1:]]
    lengths = [end - start for start, end in blocks] + [start - end for (_, end), (start, _) in pairwise(blocks)]
    tolerance = min([MOST_TOLERANCE, *(SHARE * length for length in lengths if length > ROUNDING)])
    starts.append(ends[-1] + (starts[-1] - ends[-2]))
    after = list(zip(visits, weeks, strict=True))[list(visits).index(baseline) + 1 :]
    peak, trough = (_nearest(after, targets, tolerance) for targets in (ends, starts))
    if both := [visit for visit in peak if visit in trough]:
        return _no_schedule(f"{', '.join(both)} would be at the end of a dosing period and of a break at once")
    for found, what in ((peak, "a dosing period"), (trough, "a break")):
        if not found:
            return _no_schedule(f"no visit after the baseline is within {tolerance:.3g} weeks of the end of {what}")
    return with_exposure(visits, Schedule(peak=peak, trough=trough), baseline=baseline)


def _no_schedule(why: str) -> Schedule:
    logger.info("no peaks and troughs from the dosing periods: %s", why)
    return Schedule()


def _nearest(timed: Sequence[tuple[str, float]], targets: Sequence[float], tolerance: float) -> tuple[str, ...]:
    """The visit nearest to each target, in order of time; a target that no visit is near has none."""
    chosen = set()
    for target in targets:
        near = [(abs(week - target), visit) for visit, week in timed if abs(week - target) <= tolerance + ROUNDING]
        if near:
            least = min(distance for distance, _ in near)
            chosen.add(next(visit for distance, visit in near if distance <= least + ROUNDING))
    return tuple(visit for visit, _ in timed if visit in chosen)


def with_exposure(
    visits: Sequence[str], schedule: Schedule, *, baseline: str, carry_over: Sequence[str] | None = None
) -> Schedule:
    """The peaks and troughs of a schedule with the visits from the baseline to the last of them, and carry-over.

    Parameters
    ----------
    carry_over : sequence of str, optional
        Where it is said; it may be empty. Else every visit after the last trough or peak.
    """
    order = list(visits)
    named = [order.index(visit) for visit in (*schedule.peak, *schedule.trough)]
    if not named:
        return Schedule(carry_over=tuple(carry_over or ()))
    last, first = max(named), order.index(baseline)
    after = tuple(order[last + 1 :]) if carry_over is None else tuple(carry_over)
    return Schedule(schedule.peak, schedule.trough, tuple(order[first : last + 1]), after)


def declared_schedule(
    visits: Sequence[str],
    dosed: Schedule,
    *,
    baseline: str,
    peak: Sequence[str] | None = None,
    trough: Sequence[str] | None = None,
    carry_over: Sequence[str] | None = None,
) -> Schedule:
    """What the configuration says of peaks, troughs and carry-over; None: what it leaves to the dosing.

    Parameters
    ----------
    visits : sequence of str
        In order of time.
    dosed : Schedule
        What `schedule_of` makes of the dosing.

    Raises
    ------
    CytotrialError
        Carry-over that is declared before the last peak or trough.
    """
    if peak is None and trough is None and carry_over is None:
        return dosed
    # A visit that the configuration names is what it says there, whatever the dosing periods would make of it.
    declared = {*(peak or ()), *(trough or ()), *(carry_over or ())}
    peaks, troughs = (
        tuple(visit for visit in visits if visit in said)
        if said is not None
        else tuple(visit for visit in found if visit not in declared)
        for said, found in ((peak, dosed.peak), (trough, dosed.trough))
    )
    after = None if carry_over is None else tuple(visit for visit in visits if visit in carry_over)
    schedule = with_exposure(visits, Schedule(peaks, troughs), baseline=baseline, carry_over=after)
    early = [visit for visit in schedule.carry_over if visit in schedule.exposure]
    if early:  # of what is declared alone the check has told it already
        raise CytotrialError(
            problem(
                "analysis, schedule, carry_over",
                found=f"{', '.join(early)} before {schedule.exposure[-1]}, the last peak or trough by the dosing",
                expected="visits after the last peak and the last trough",
                remedy="remove it, or name the peaks and the troughs too",
            )
        )
    return schedule


def contrasts_of(schedule: Schedule, weeks: Mapping[str, float], *, baseline: str) -> tuple[Contrast, ...]:
    """What the schedule asks of the changes: ``peak trough peak_minus_trough auc carry_over``, where it has the visits.

    Parameters
    ----------
    weeks : mapping
        Visit -> week, in order of time; weeks may be unknown, the order not.

    Returns
    -------
    tuple of Contrast
        ``auc`` is the area under the change by trapezoids, over its length in weeks: the change averaged over time, in
        the unit of the change. The baseline's own change is 0 and needs no weight. `visits` are in order of time.

    Examples
    --------
    >>> schedule = Schedule(peak=("W2",), trough=("W4",), exposure=("W0", "W2", "W4"))
    >>> found = contrasts_of(schedule, {"W0": 0.0, "W2": 2.0, "W4": 4.0}, baseline="W0")
    >>> [(one.id, dict(one.weights)) for one in found][2:]
    [('peak_minus_trough', {'W2': 1.0, 'W4': -1.0}), ('auc', {'W2': 0.5, 'W4': 0.25})]
    """
    peak, trough, carry_over = (_mean(names) for names in (schedule.peak, schedule.trough, schedule.carry_over))
    found = {"peak": peak, "trough": trough}
    if peak and trough:
        found["peak_minus_trough"] = peak | {visit: -weight for visit, weight in trough.items()}
    order = list(weeks)
    made = [_contrast(name, weights, order) for name, weights in found.items() if weights]
    if len(schedule.exposure) > 1:
        made.append(_time_average(schedule.exposure, weeks, baseline))
    return (*made, *([_contrast("carry_over", carry_over, order)] if carry_over else ()))


def _mean(names: Sequence[str]) -> dict[str, float]:
    return {name: 1.0 / len(names) for name in names}


def _contrast(name: str, weights: Mapping[str, float], order: Sequence[str]) -> Contrast:
    visits = tuple(visit for visit in order if visit in weights)
    return Contrast(name, visits, {visit: weights[visit] for visit in visits})


def _time_average(exposure: Sequence[str], weeks: Mapping[str, float], baseline: str) -> Contrast:
    """Trapezoids: half of each interval's length for either of its visits, over the length of all."""
    after = tuple(visit for visit in exposure if visit != baseline)
    at = [weeks[visit] for visit in exposure]
    length = at[-1] - at[0]
    if not length > 0.0:  # NaN where nobody said when the visits are
        return Contrast("auc", after, {}, "the weeks of the visits are not known, or all the same")
    weights = dict.fromkeys(exposure, 0.0)
    for (first, start), (second, end) in pairwise(zip(exposure, at, strict=True)):
        weights[first] += (end - start) / 2.0 / length
        weights[second] += (end - start) / 2.0 / length
    return Contrast("auc", after, {visit: weights[visit] for visit in after})
