"""What one picture of a subset shows: every arm's values, the schedule, the marks and the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cytotrial.figures.summary import MeanInterval, mean_interval


@dataclass(frozen=True)
class ArmValues:
    """One arm: its words and its subjects' usable percentages, ``subjects[subject_id][visit] = percent``."""

    id: str
    label: str
    subjects: Mapping[str, Mapping[str, float]]

    def at(self, visit: str) -> MeanInterval:
        """Mean and 95 % t-interval of this arm's usable values at `visit`, in percent."""
        return mean_interval([values[visit] for values in self.subjects.values() if visit in values])


@dataclass(frozen=True)
class Mark:
    """A test with nominal p below 0.05 at `visit`: change in `arm`, or between the arms where `arm` is None.

    ``holds`` says whether it stays below 0.05 after Holm's correction.
    """

    visit: str
    arm: str | None
    holds: bool


@dataclass(frozen=True)
class Dynamics:
    """All that one picture shows.

    Attributes
    ----------
    name : str
        Prefix of the picture's ids.
    title, y_label : str
        The subset, and the unit ("% of CD4+ T cells").
    arms : sequence of ArmValues
    visits : sequence of (id, week)
        In the order of the schedule.
    dosing : sequence of (from_week, to_week)
    marks : sequence of Mark
    synthetic : bool
        Simulated data: the picture itself says so.
    empty_reason : str
        Why there is nothing to show, where no arm has a value.
    """

    name: str
    title: str
    y_label: str
    arms: Sequence[ArmValues]
    visits: Sequence[tuple[str, float]]
    dosing: Sequence[tuple[float, float]] = ()
    marks: Sequence[Mark] = field(default=())
    synthetic: bool = False
    empty_reason: str = ""

    @property
    def has_values(self) -> bool:
        """Whether any arm has a usable value at a visit of the schedule."""
        ids = {visit for visit, _ in self.visits}
        return any(ids & set(values) for arm in self.arms for values in arm.subjects.values())
