"""The configuration and the sheets of a simulated trial, so that it can be run as any other trial is."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cytotrial.simulate.defaults import panel_text, trial_data
from cytotrial.simulate.plan import (
    PANELS,
    SamplePlan,
    TrialPlan,
    breaks_protocol,
    is_withdrawn,
    plan_subjects,
)

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


def write_sheets(folder: Path, *, plan: TrialPlan, samples: Sequence[SamplePlan], fcs_folder: str) -> None:
    """Write ``samples.tsv`` and ``subjects.tsv``; each file's path is `fcs_folder` and its name."""
    _write(
        folder / "samples.tsv",
        [
            {
                "sample_id": sample.sample_id,
                "fcs": f"{fcs_folder}/{sample.specimen.file}",
                "subject_id": sample.subject_id,
                "visit": sample.visit,
                "panel": sample.panel,
                "batch": sample.batch,
            }
            for sample in samples
        ],
    )
    _write(
        folder / "subjects.tsv",
        [
            {
                "subject_id": subject.subject_id,
                "arm": subject.arm,
                "itt": "Y",
                "mitt": _yes(not is_withdrawn(plan, subject)),
                "pp": _yes(not is_withdrawn(plan, subject) and not breaks_protocol(plan, subject)),
                "safety": "Y",
            }
            for subject in plan_subjects(plan)
        ],
    )


def write_config(folder: Path, *, plan: TrialPlan, gating: Mapping[str, str]) -> None:
    """Write ``config.yaml``, ``panels/`` and ``gating/`` (panel -> text) into the trial's config folder."""
    data = trial_data(plan.trial)
    config = {
        "trial": data["trial"],
        "arms": data["arms"],
        "visits": [{"id": visit, "week": week} for visit, week in plan.visits],
        "dosing": data["dosing"],
        "sheets": {"samples": "config/samples.tsv", "subjects": "config/subjects.tsv"},
        "panels": {
            panel: {"markers": f"config/panels/{panel}.yaml", "gating": f"config/gating/{panel}.yaml"}
            for panel in PANELS
        },
        "readouts": [_readout(row) for row in READOUTS],
        "analysis_sets": ["mitt", "itt", "pp"],
    }
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=110)
    made_by = f"# SYNTHETIC trial, made by `cytotrial simulate --trial {plan.trial} --seed {plan.seed}`.\n"
    _put(folder / "config.yaml", made_by + text)
    for panel in PANELS:
        _put(folder / "panels" / f"{panel}.yaml", panel_text(panel))
        _put(folder / "gating" / f"{panel}.yaml", gating[panel])


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
