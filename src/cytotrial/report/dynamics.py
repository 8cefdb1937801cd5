"""The section of pictures: for every subset its values, marks, caption and the numbers behind the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cytotrial.columns import SUBSETS
from cytotrial.figures.dynamics import draw_dynamics
from cytotrial.figures.series import ArmValues, Dynamics, Mark
from cytotrial.figures.words import SYNTHETIC_MARK, percent_label
from cytotrial.report.numbers import Cell, is_hit, show, show_interval
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Group, Row, TableView
from cytotrial.statistics.observations import usable_values
from cytotrial.study.config import Readout


@dataclass(frozen=True)
class PictureView:
    """One picture with its words; `svg` is markup made by :mod:`cytotrial.figures`."""

    id: str
    svg: str
    caption: str
    values: TableView


def subset_dynamics(
    subsets: Sequence[Row], change: Sequence[Row], between: Sequence[Row], trial: Trial, *, source: str
) -> list[Dynamics]:
    """One picture's content per readout: primary denominator, primary analysis set, usable values.

    Raises
    ------
    CytotrialError
        A row of `subsets` (the file `source`) that the trial's design or subjects do not know.
    """
    table = pd.DataFrame([dict(row) for row in subsets], columns=list(SUBSETS.columns))
    subjects = pd.DataFrame({"subject_id": [subject.subject_id for subject in trial.subjects]})
    usable = usable_values(table, subjects, trial.plan, source=source)
    marks = _marks(change, between, trial)
    return [
        Dynamics(
            name=f"picture-{index + 1}",
            title=readout.label,
            y_label=percent_label(readout.denominators[0]),
            arms=_arms(usable, readout, trial),
            visits=[(visit.id, visit.week) for visit in trial.study.visits],
            dosing=[(period.from_week, period.to_week) for period in trial.study.dosing],
            marks=marks.get(readout.id, []),
            synthetic=trial.study.synthetic,
            empty_reason=_why_empty(subsets, readout, trial),
        )
        for index, readout in enumerate(trial.study.readouts)
    ]


def picture(dynamics: Dynamics, trial: Trial, *, source: str) -> PictureView:
    """The drawn picture, its caption, and its numbers as a table."""
    caption = _caption(dynamics, trial)
    label = f"{dynamics.title}, {dynamics.y_label}, over the visits. {caption}"
    if dynamics.synthetic:
        label = f"{SYNTHETIC_MARK}. {label}"
    return PictureView(
        dynamics.name, draw_dynamics(dynamics, label=label), caption, _value_table(dynamics, source=source)
    )


def _arms(usable: pd.DataFrame, readout: Readout, trial: Trial) -> list[ArmValues]:
    chosen = usable[(usable["subset"] == readout.id) & (usable["denominator"] == readout.denominators[0])]
    values: dict[str, dict[str, float]] = {}
    for row in chosen.itertuples(index=False):
        values.setdefault(str(row.subject_id), {})[str(row.visit)] = float(row.percent)
    return [
        ArmValues(arm.id, arm.label, {s: values[s] for s in trial.members(arm.id, trial.primary_set) if s in values})
        for arm in trial.study.arms
    ]


def _marks(change: Sequence[Row], between: Sequence[Row], trial: Trial) -> dict[str, list[Mark]]:
    marks: dict[str, list[Mark]] = {}
    for row in [*change, *(row for row in between if row["measure"] == "level")]:
        if trial.is_primary(row) and is_hit(row["p_value"]):
            mark = Mark(str(row["visit"]), row.get("arm"), is_hit(row["p_holm"]))
            marks.setdefault(str(row["subset"]), []).append(mark)
    return marks


def _why_empty(subsets: Sequence[Row], readout: Readout, trial: Trial) -> str:
    """Why a picture without values has none, from the reasons in the table."""
    denominator = readout.denominators[0]
    rows = [row for row in subsets if row["subset"] == readout.id and row["denominator"] == denominator]
    if not rows:
        return "no file of this trial gives this subset"
    reasons = sorted({str(row["qc_reason"]) for row in rows if row["qc_reason"]})
    if all(row["percent"] is None or row["qc_flag"] == "not_reported" for row in rows):
        return "\n".join(reasons[:3]) or "every value is NA"
    return f"no subject of the analysis set {trial.primary_set} has a value"


def _caption(dynamics: Dynamics, trial: Trial) -> str:
    if not dynamics.has_values:
        return f"No reportable values: {dynamics.empty_reason}."
    parts = []
    for arm in dynamics.arms:
        counts = [arm.at(visit).n for visit, _ in dynamics.visits]
        low, high = min(counts), max(counts)
        many = f"{low}" if low == high else f"{low} to {high}"
        visits = [mark.visit for mark in dynamics.marks if mark.arm == arm.id]
        where = ", ".join(sorted(visits, key=trial.visit_rank)) or "no visit"
        parts.append(f"{arm.label}: n {many} per visit; nominal p < 0.05 against baseline at {where}.")
    if len(dynamics.arms) > 1:
        visits = [mark.visit for mark in dynamics.marks if mark.arm is None]
        parts.append(f"Between arms (level): {', '.join(sorted(visits, key=trial.visit_rank)) or 'no visit'}.")
    return " ".join(parts)


def _value_table(dynamics: Dynamics, *, source: str) -> TableView:
    columns = (
        Column("visit", numeric=False),
        Column("n"),
        Column("mean, %"),
        Column("95 % interval of the mean"),
    )
    groups = []
    for arm in dynamics.arms:
        rows = []
        for visit, _ in dynamics.visits:
            summary = arm.at(visit)
            why = "no usable value" if summary.n == 0 else "one value, or no variance"
            interval = show_interval(summary.low, summary.high)
            rows.append(
                [
                    Cell(visit),
                    Cell(str(summary.n)),
                    Cell(show(summary.mean), why if summary.mean is None else ""),
                    Cell(interval, why if summary.low is None else ""),
                ]
            )
        groups.append(Group(arm.label, rows))
    return TableView("The numbers of this picture", source, columns, groups)
