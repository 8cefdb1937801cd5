"""The configuration and the sheets of a simulated trial, so that it can be run as any other trial is."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cytotrial.simulate.blood.populations import SUBSETS
from cytotrial.simulate.parameters import tube_parameters
from cytotrial.simulate.trial.outcomes import outcomes
from cytotrial.simulate.trial.plan import PANELS, SamplePlan
from cytotrial.simulate.trial.subjects import Enrolled, TrialPlan, breaks_protocol, plan_subjects, was_followed
from cytotrial.simulate.tube import MULTIPLETS

READOUTS: tuple[dict[str, Any], ...] = (
    {"id": "cd4", "panel": "treg", "denominators": ("cd3", "lymphocytes"), "label": "CD4+ T cells"},
    {"id": "cd8", "panel": "treg", "denominators": ("cd3", "lymphocytes"), "label": "CD8+ T cells"},
    {"id": "treg", "panel": "treg", "denominators": ("cd4", "lymphocytes"), "label": "Regulatory T cells"},
    {"id": "nk", "panel": "nk", "denominators": ("lymphocytes",), "label": "NK cells"},
    {
        "id": "cd56bright_nk",
        "panel": "nk",
        "denominators": ("nk", "lymphocytes"),
        "label": "CD56bright NK cells",
    },
)
PRIMARY: dict[str, str] = {readout["id"]: readout["denominators"][0] for readout in READOUTS}  # subset -> denominator

GATED = {"treg": ("CD3", "CD4", "CD8", "CD25", "CD127"), "nk": ("CD3", "CD56")}  # what the bundled strategies need


def write_sheets(folder: Path, *, plan: TrialPlan, samples: Sequence[SamplePlan], fcs_folder: str) -> None:
    """Write ``samples.tsv``, ``subjects.tsv`` and, if there are any, ``outcomes.tsv``.

    Parameters
    ----------
    fcs_folder : str
        What stands before each file's name in the sample sheet.
    """
    _write(
        folder / "samples.tsv",
        [
            {
                "sample_id": sample.sample_id,
                "fcs": f"{fcs_folder}/{sample.file}",
                "subject_id": sample.subject.subject_id,
                "visit": sample.visit,
                "panel": sample.panel,
                "batch": sample.batch,
            }
            for sample in samples
        ],
    )
    _write(folder / "subjects.tsv", [_subject(plan, subject) for subject in plan_subjects(plan)])
    endpoints = list(outcomes(plan))
    if endpoints:
        _write(folder / "outcomes.tsv", endpoints)


def _subject(plan: TrialPlan, subject: Enrolled) -> dict[str, str]:
    stayed = was_followed(plan, subject)
    site = {"site": subject.site} if plan.data["sites"] > 1 else {}
    return {
        "subject_id": subject.subject_id,
        "arm": subject.arm,
        **site,
        "itt": "Y",
        "mitt": _yes(stayed),
        "pp": _yes(stayed and not breaks_protocol(plan, subject)),
        "safety": "Y",
    }


def write_config(folder: Path, *, plan: TrialPlan, gating: Mapping[str, str]) -> None:
    """Write ``config.yaml``, ``panels/`` and ``gating/`` (panel -> text) into the trial's config folder."""
    data = plan.data
    sheets = {"samples": "config/samples.tsv", "subjects": "config/subjects.tsv"}
    if any(True for _ in outcomes(plan)):
        sheets["outcomes"] = "config/outcomes.tsv"
    wanted = {visit for visit, _ in plan.visits}
    config = {
        "trial": data["trial"],
        "arms": data["arms"],
        "visits": [visit for visit in data["visits"] if visit["id"] in wanted],
        "dosing": data["dosing"],
        "sheets": sheets,
        "panels": {
            panel: {"markers": f"config/panels/{panel}.yaml", "gating": f"config/gating/{panel}.yaml"}
            for panel in PANELS
        },
        "readouts": [_readout(row) for row in READOUTS],
        "analysis_sets": ["mitt", "itt", "pp"],
        **_endpoints(plan),
    }
    made_by = f"`cytotrial simulate --trial {plan.trial} --profile {plan.profile} --seed {plan.seed}`"
    _put(folder / "config.yaml", f"# SYNTHETIC trial, made by {made_by}.\n" + _yaml(config))
    for panel in PANELS:
        _put(
            folder / "panels" / f"{panel}.yaml",
            f"# Panel of a SYNTHETIC trial, made by {made_by}.\n" + panel_text(plan, panel),
        )
        _put(folder / "gating" / f"{panel}.yaml", gating[panel])


def _endpoints(plan: TrialPlan) -> dict[str, list[dict[str, str]]]:
    """What the configuration says of the outcomes: an adverse event is of safety; nothing where there are none."""
    written = {row["endpoint"] for row in outcomes(plan)}
    role = {row["endpoint"]: "safety" if row.get("harm") else "efficacy" for row in plan.data["outcomes"]["endpoints"]}
    found = [{"id": name, "type": "binary", "role": role[name]} for name in role if name in written]
    return {"endpoints": found} if found else {}


def panel_text(plan: TrialPlan, panel: str) -> str:
    """The panel file that fits the trial's tubes: markers by their names, viability and dump by their channels."""
    tube = tube_parameters(panel, trial=plan.trial, profile=plan.profile)
    markers: dict[str, Any] = {}
    for detector in tube.detectors:
        if len(detector.markers) > 1:
            markers["dump"] = {"channel": detector.name, "optional": True}
        elif "viability" in detector.markers:
            markers["viability"] = {"channel": detector.name, "optional": True}
        else:
            (marker,) = detector.markers
            optional = {} if marker in GATED[panel] else {"optional": True}
            markers[marker] = {"label": rf"\b{marker}\b", **optional}
    scatter = {"fsc_area": "FSC-A", "fsc_height": "FSC-H", "fsc_width": "FSC-W", "ssc_area": "SSC-A"}
    return _yaml({"markers": markers, "scatter": scatter, "time": "Time", "compensation": "fcs"})


def label_rows() -> list[dict[str, str]]:
    """What each number in a file's labels means: the event's kind, and the subsets in which the truth counts it."""
    names = (*(one.name for one in tube_parameters("treg").kinds.populations), *MULTIPLETS)
    return [
        {
            "label": str(number),
            "population": name,
            "subsets": ",".join(subset for subset, of in SUBSETS.items() if name in of),
        }
        for number, name in enumerate(names)
    ]


def write_label_names(folder: Path) -> None:
    """Write ``populations.tsv`` into the labels' folder."""
    _write(folder / "populations.tsv", label_rows())


def _yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _readout(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "panel": row["panel"],
        "population": row["id"],
        "denominators": list(row["denominators"]),
        "label": row["label"],
    }


def _yes(condition: bool) -> str:
    return "Y" if condition else "N"


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
