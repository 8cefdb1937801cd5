"""What a methods section says of this trial alone: who, when, what was declared, and what the run did with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cytotrial.report.declared import COMPARISONS, METHODS
from cytotrial.report.trial import Trial
from cytotrial.report.views import Row, plural
from cytotrial.statistics.endpoints import SAFETY_SET
from cytotrial.statistics.plan import Family
from cytotrial.statistics.tables.missing_values import KINDS

Tables = Mapping[str, Sequence[Row]]


def trial_facts(trial: Trial, tables: Tables) -> str:
    """Facts as a Markdown list; what did not occur, or whose table is not there, is not said.

    Parameters
    ----------
    tables : mapping
        Rows by the table's name; ``status``, ``gating_check``, ``gates``, ``mixed_model_fit`` and ``missing_values``
        are read where they are there.
    """
    facts = [
        *_subjects(trial),
        *_visits(trial),
        _pair(trial),
        *_declared(trial),
        _missing(trial, tables),
        "Last observations were carried forward in a sensitivity analysis."
        if trial.plan.is_locf_asked
        else "Last observations were not carried forward.",
        _covariances(tables),
        _moved(tables),
        _checked(tables),
    ]
    return "\n".join(f"- {fact}" for fact in facts if fact)


def _subjects(trial: Trial) -> list[str]:
    names = list(trial.study.analysis_sets)
    if any(endpoint.role == "safety" for endpoint in trial.plan.endpoints):
        given = {name for subject in trial.subjects for name in subject.analysis_sets}
        names += sorted({SAFETY_SET} & given - set(names))
    facts = []
    for name in names:
        mark = " (primary)" if name == trial.primary_set else ""
        mark = " (safety endpoints alone)" if name not in trial.study.analysis_sets else mark
        arms = ", ".join(f"{arm.label} {len(trial.members(arm.id, name))}" for arm in trial.study.arms)
        facts.append(f"Analysis set {name}{mark}, subjects: {arms}.")
    return facts


def _visits(trial: Trial) -> list[str]:
    study, schedule = trial.study, trial.plan.schedule
    visits = ", ".join(f"{visit.id} (week {visit.week:g})" for visit in study.visits)
    facts = [f"Visits: {visits}. Baseline: {study.baseline}."]
    if study.dosing:
        periods = ", ".join(f"{period.from_week:g} to {period.to_week:g}" for period in study.dosing)
        facts.append(f"Dosing, weeks: {periods}.")
    phases = (
        ("ends of dosing blocks", schedule.peak),
        ("ends of the breaks", schedule.trough),
        ("area under the curve", schedule.exposure),
        ("carry-over", schedule.carry_over),
    )
    found = "; ".join(f"{phase} {', '.join(visits)}" for phase, visits in phases if visits)
    return [*facts, *([f"Visits of the schedule: {found}."] if found else [])]


def _pair(trial: Trial) -> str:
    if trial.plan.pair is None:
        return "No arms were compared: there are not both an active and a control arm."
    active, control = trial.plan.pair
    return f"Arms compared: {trial.arm_label(active)} ({active}) with {trial.arm_label(control)} ({control})."


def _declared(trial: Trial) -> list[str]:
    ordered = sorted((one for one in trial.plan.endpoints if one.order is not None), key=lambda one: one.order or 0)
    facts = [_family(family, trial) for family in trial.plan.families]
    if ordered:
        steps = "; ".join(
            f"{one.order}. {trial.endpoint_label(one.id, one.visit)} ({one.id}) at {one.visit}" for one in ordered
        )
        facts.append(f"Declared order of endpoints: {steps}.")
    return facts or ["No family of tests and no order of endpoints was declared."]


def _family(family: Family, trial: Trial) -> str:
    labels = {readout.id: readout.label for readout in trial.study.readouts}
    subsets = ", ".join(labels[name] for name in family.subsets) or "all subsets"
    visits = ", ".join(family.visits) or "all visits after the baseline"
    return (
        f"Declared family {family.id}: {COMPARISONS[family.test].words} ({family.test}), {subsets}; {visits}; "
        f"adjusted by {METHODS[family.method]}."
    )


def _missing(trial: Trial, tables: Tables) -> str:
    if "missing_values" not in tables:
        return ""
    rows = tables["missing_values"]
    planned = len(trial.subjects) * len(trial.plan.visits) * len(trial.plan.subsets)
    counted = Counter(str(row["kind"]) for row in rows)
    kinds = ", ".join(f"{counted[kind]} {kind.replace('_', ' ')}" for kind in KINDS if counted[kind])
    return (
        f"Of {plural(planned, 'planned percentage')} (subjects by visits by subsets) {len(rows)} "
        f"{'was' if len(rows) == 1 else 'were'} missing{f': {kinds}' if kinds else ''}."
    )


def _covariances(tables: Tables) -> str:
    rows = tables.get("mixed_model_fit", ())
    if not rows:
        return ""
    counted = Counter(row["covariance"] for row in rows)
    refused = counted.pop(None, 0)
    found = ", ".join(
        f"{name} in {n}" for name, n in sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))
    )
    fitted = f"Covariance of the visits in {plural(sum(counted.values()), 'mixed model')}: {found}." if found else ""
    lacking = f"{plural(refused, 'mixed model')} could not be fitted." if refused else ""
    return " ".join(filter(None, (fitted, lacking)))


def _moved(tables: Tables) -> str:
    moved = [row for row in tables.get("gates", ()) if row["source"] == "manual"]
    files = plural(len({row["sample_id"] for row in moved}), "file")
    return f"Reviewers moved gates of {files} by hand (`tables/override_history.tsv`)." if moved else ""


def _checked(tables: Tables) -> str:
    rows = tables.get("gating_check", ())
    if not rows:
        return ""
    differing = sum(row["n_events"] != row["n_events_flowkit"] for row in rows)
    files = len({row["sample_id"] for row in rows})
    result = f"{differing} differed" if differing else "none differed"
    return (
        f"FlowKit gated {files} of {plural(len(tables['status']), 'file')} again and counted "
        f"{plural(len(rows), 'population')}: {result} (`tables/gating_check.tsv`)."
    )
