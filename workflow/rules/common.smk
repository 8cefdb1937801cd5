# The trial as jobs. Everything that needs thought is in the package (cytotrial.jobs), with tests.
import re
import sys
from pathlib import Path

from cytotrial.jobs import load_jobs, outcome
from cytotrial.provenance import verb_version

CONFIG = config.get("trial_config", "config/config.yaml")
JOBS = load_jobs(Path(CONFIG), Path())
STUDY = JOBS.study


wildcard_constraints:
    panel="|".join(re.escape(panel.id) for panel in STUDY.panels),
    subject="|".join(sorted({re.escape(sample.subject_id) for sample in JOBS.samples})),


def fcs_files(wildcards):
    return JOBS.existing_fcs(wildcards.panel, wildcards.subject)


def markers_file(wildcards):
    return JOBS.panel_file(wildcards.panel, "markers")


def gating_file(wildcards):
    return JOBS.panel_file(wildcards.panel, "gating")


def gate_map_file(wildcards):
    return JOBS.gate_map(wildcards.panel)


def drawn_files(wildcards):
    return JOBS.drawn_files(wildcards.panel)


def matrix_file(wildcards):
    return JOBS.matrix_files(wildcards.panel)


def sheet_rows(wildcards):
    return JOBS.rows(wildcards.panel, wildcards.subject)


def overrides_sheet(wildcards):
    return JOBS.overrides_sheet(wildcards.panel, wildcards.subject)


def moved_gates(wildcards):
    return JOBS.moved(wildcards.panel, wildcards.subject)


def gating_memory(wildcards):
    # FlowKit holds a file some 13 times over (measured: 856 MB for 64 MB); its imports take 210 MB.
    # A workspace is held as a tree of ten times its size.
    events = 15 * JOBS.largest_mb(wildcards.panel, wildcards.subject)
    return int(500 + events + 11 * JOBS.drawing_mb(wildcards.panel))


def per_subject(name):
    return [
        f"results/interim/{panel}/{subject}/{name}.tsv"
        for panel, subject in JOBS.subject_panels
    ]
