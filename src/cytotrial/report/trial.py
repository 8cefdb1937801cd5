"""The trial as the page needs it: labels for ids, the order of visits, who is in which arm and set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cytotrial.figures.words import percent_label
from cytotrial.report.views import Row
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.study.config import Readout, Study
from cytotrial.study.subjects import Subject


@dataclass(frozen=True)
class Trial:
    """Design and subjects of a trial; `plan` is the statistics' own: pictures show the tested values."""

    study: Study
    subjects: Sequence[Subject]
    plan: AnalysisPlan

    @property
    def primary_set(self) -> str:
        """The first analysis set."""
        return self.study.analysis_sets[0]

    def members(self, arm: str, analysis_set: str | None = None) -> list[str]:
        """Subjects of an arm, in one analysis set or all, sorted."""
        return sorted(
            subject.subject_id
            for subject in self.subjects
            if subject.arm == arm and (analysis_set is None or analysis_set in subject.analysis_sets)
        )

    def arm_label(self, arm: str) -> str:
        """An arm in words."""
        return next((known.label for known in self.study.arms if known.id == arm), arm)

    def percentage(self, subset: str, denominator: str) -> str:
        """A subset and its denominator in words, as in "NK cells, % of lymphocytes"."""
        label = next((readout.label for readout in self.study.readouts if readout.id == subset), subset)
        return f"{label}, {percent_label(denominator)}"

    def marked_percentage(self, readout: Readout, denominator: str) -> str:
        """A heading: `percentage`, and whether the denominator is the primary one."""
        mark = " (primary)" if denominator == readout.denominators[0] else ""
        return self.percentage(readout.id, denominator) + mark

    def endpoint_label(self, endpoint: str, visit: str | None) -> str:
        """A clinical endpoint in words: as it is named for that visit, else as it is named first."""
        known = [one for one in self.study.endpoints if one.id == endpoint]
        of_visit = [one for one in known if one.visit == visit]
        return next((one.label for one in (*of_visit, *known)), endpoint)

    def percentages(self) -> list[tuple[Readout, str]]:
        """Every readout with each of its denominators, in the order of the configuration."""
        return [(readout, name) for readout in self.study.readouts for name in readout.denominators]

    def visit_rank(self, visit: str | None) -> int:
        """Place of a visit in the schedule; unknown ones last."""
        ids = [known.id for known in self.study.visits]
        return ids.index(visit) if visit in ids else len(ids)

    def is_primary(self, row: Row) -> bool:
        """Whether a row of statistics is of the primary analysis set and a primary denominator."""
        return row["analysis_set"] == self.primary_set and self.plan.is_primary(
            str(row["subset"]), str(row["denominator"])
        )
