"""Which visits are peaks, troughs and carry-over, from when the drug is given."""

from __future__ import annotations

from collections.abc import Sequence

from cytotrial.statistics.plan import Schedule

TOLERANCE = 0.5  # weeks between a planned visit and the end of a block or break


def schedule_of(
    visits: Sequence[str], weeks: Sequence[float], *, baseline: str, dosing: Sequence[tuple[float, float]]
) -> Schedule:
    """Peaks at the ends of dosing blocks, troughs at the ends of the breaks, carry-over after the last trough.

    Parameters
    ----------
    visits, weeks : sequence, equal lengths
        In order of time.
    dosing : sequence of tuple of float
        First and last week of each block, in order. A visit belongs to an end where it is at most half a week off.

    Returns
    -------
    Schedule
        Empty where there are no two blocks, or where blocks follow each other so fast that an end and the next start
        are one visit: then nothing is peak or trough.

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
    if len(blocks) < 2:
        return Schedule()
    ends = [end for _, end in blocks]
    starts = [start for start, _ in blocks[1:]]
    starts.append(ends[-1] + (starts[-1] - ends[-2]))
    after = list(zip(visits, weeks, strict=True))[list(visits).index(baseline) + 1 :]
    peak = tuple(visit for visit, week in after if _is_near(week, ends))
    trough = tuple(visit for visit, week in after if _is_near(week, starts))
    if set(peak) & set(trough) or not (peak and trough):
        return Schedule()
    return with_exposure(visits, Schedule(peak=peak, trough=trough), baseline=baseline)


def with_exposure(visits: Sequence[str], schedule: Schedule, *, baseline: str) -> Schedule:
    """The schedule with the visits from the baseline to its last trough or peak, and those after as carry-over."""
    order = list(visits)
    named = [order.index(visit) for visit in (*schedule.peak, *schedule.trough)]
    if not named:
        return schedule
    last, first = max(named), order.index(baseline)
    carry_over = schedule.carry_over or tuple(order[last + 1 :])
    return Schedule(schedule.peak, schedule.trough, tuple(order[first : last + 1]), carry_over)


def _is_near(week: float, targets: Sequence[float]) -> bool:
    return any(abs(week - target) <= TOLERANCE for target in targets)
