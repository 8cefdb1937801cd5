"""Do the samples fit the trial: known visits, panels and subjects, no tube twice, a baseline, files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence, Set
from pathlib import Path

from cytotrial.documents import near_file
from cytotrial.errors import did_you_mean, problem
from cytotrial.study.config import Readout
from cytotrial.study.consistency import unknown
from cytotrial.study.samples import Sample

BLANK = "(blank)"


def repeated_tubes(samples: Sequence[Sample], sheet: str, *, root: Path) -> Iterator[str]:
    """Sample ids, FCS files and tubes (subject, visit, panel, condition, replicate) that are in two rows."""
    yield from _repeated(
        ((sample, sample.sample_id, repr(sample.sample_id)) for sample in samples),
        f"{sheet}, row {{}}, sample_id",
        expected="each sample_id once",
        remedy="rename one of them",
    )
    yield from _repeated(
        ((sample, ((root / sample.fcs).resolve(), sample.panel), f"the file {sample.fcs!r}") for sample in samples),
        f"{sheet}, row {{}}, fcs",
        expected="each FCS file once in a panel",
        remedy="correct the path, or remove one of the rows",
    )
    yield from _repeated(
        ((sample, _tube(sample), f"a second tube of {_tube_name(sample)}") for sample in samples),
        f"{sheet}, row {{}}",
        expected="one row per subject, visit, panel and condition",
        remedy="remove one of them, or number them in the column replicate",
    )


def _tube(sample: Sample) -> tuple[str | None, ...]:
    return sample.subject_id, sample.visit, sample.panel, sample.condition, sample.replicate


def _tube_name(sample: Sample) -> str:
    return ", ".join(part for part in _tube(sample) if part)


def _repeated(
    keyed: Iterable[tuple[Sample, Hashable, str]], where: str, *, expected: str, remedy: str
) -> Iterator[str]:
    first: dict[Hashable, int] = {}
    for sample, key, found in keyed:
        if key in first:
            yield problem(
                where.format(sample.row),
                found=f"{found}, which is also in row {first[key]}",
                expected=expected,
                remedy=remedy,
            )
        first.setdefault(key, sample.row)


def unknown_references(
    samples: Sequence[Sample], sheet: str, *, visits: Sequence[str], panels: Sequence[str], subjects: Set[str]
) -> Iterator[str]:
    """Visits and panels that are not declared and, once each, subjects without an arm."""
    missing: dict[str, list[int]] = defaultdict(list)
    for sample in samples:
        if visits and sample.visit not in visits:
            yield unknown(f"{sheet}, row {sample.row}, visit", sample.visit, visits, kind="visit")
        if panels and sample.panel not in panels:
            yield unknown(f"{sheet}, row {sample.row}, panel", sample.panel, panels, kind="panel")
        if subjects and sample.subject_id not in subjects:
            missing[sample.subject_id].append(sample.row)
    for name, rows in missing.items():
        more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
        yield problem(
            f"{sheet}, row {rows[0]}{more}, subject_id",
            found=f"{name!r}, which has no arm{did_you_mean(name, sorted(subjects))}",
            expected="a subject of the subjects sheet",
            remedy="correct it, or add the subject and its arm there",
        )


def condition_problems(samples: Sequence[Sample], readouts: Sequence[Readout], *, config: str) -> Iterator[str]:
    """Readouts that do not say, or say wrongly, which of a panel's conditions they are measured in."""
    conditions: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if not sample.is_control:
            conditions[sample.panel].add(sample.condition or BLANK)
    for readout in readouts:
        known = sorted(conditions.get(readout.panel, ()))
        where = f"{config}, readouts, {readout.id}, condition"
        if readout.condition is None and len(known) > 1:
            yield problem(
                where,
                found=f"none, and samples of {readout.panel} under {', '.join(known)}",
                expected="the condition that the readout is measured in",
                remedy="add condition: ...",
            )
        if readout.condition is not None and known and readout.condition not in known:
            yield unknown(where, readout.condition, known, kind="condition of the samples sheet")


def baseline_doubts(
    samples: Sequence[Sample], sheet: str, *, baseline: str, panels: Sequence[str]
) -> tuple[list[str], list[str]]:
    """(problems, warnings): nobody having a baseline stops the trial; one subject without does not."""
    problems, warnings = [], []
    seen: dict[str, dict[str, set[str]]] = {panel: defaultdict(set) for panel in panels}
    for sample in samples:
        if sample.panel in seen and not sample.is_control:
            seen[sample.panel][sample.subject_id].add(sample.visit)
    for panel, subjects in seen.items():
        without = [name for name, visits in subjects.items() if baseline not in visits]
        where, wanted = f"{sheet}, panel {panel}", f"a sample at the baseline visit {baseline!r}"
        if not subjects:
            found, remedy = "no sample", "its readouts stay empty; add the samples or remove the panel"
            warnings.append(problem(where, found=found, expected="samples", remedy=remedy))
        elif len(without) == len(subjects):
            remedy = "correct trial: baseline in the configuration, or the visits in the sheet"
            problems.append(problem(where, found="no subject with a baseline", expected=wanted, remedy=remedy))
        else:
            warnings.extend(
                problem(
                    where,
                    found=f"subject {name} without a baseline",
                    expected=wanted,
                    remedy="the change from baseline leaves the subject out",
                )
                for name in without
            )
    return problems, warnings


def absent_subjects(samples: Sequence[Sample], subjects: Iterable[str], *, sheet: str) -> list[str]:
    """Warnings: subjects of the subjects sheet that have no sample."""
    measured = {sample.subject_id for sample in samples}
    return [
        problem(
            sheet,
            found=f"subject {name}, who has no sample",
            expected="a sample of every subject",
            remedy="the subject is not in the results",
        )
        for name in subjects
        if name not in measured
    ]


def file_doubts(samples: Sequence[Sample], sheet: str, *, root: Path) -> tuple[list[str], list[str]]:
    """(problems, warnings): FCS files that are not there; only when all are missing is the run stopped."""
    missing = [sample for sample in samples if not (root / sample.fcs).is_file()]
    if missing and len(missing) == len(samples):
        found = f"none of the {len(missing)} FCS files, the first being {missing[0].fcs!r}"
        remedy = f"correct the folder, or run from where the paths begin{near_file(root / missing[0].fcs)}"
        wanted = "paths, absolute or relative to the working directory"
        return [problem(f"{sheet}, fcs", found=found, expected=wanted, remedy=remedy)], []
    return [], [
        problem(
            f"{sheet}, row {sample.row}, fcs",
            found=f"{'the folder' if (root / sample.fcs).is_dir() else 'no file'} {sample.fcs!r}",
            expected="an FCS file",
            remedy=f"{sample.sample_id} will be failed; correct the path{near_file(root / sample.fcs)}",
        )
        for sample in missing
    ]
