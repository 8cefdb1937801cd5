# The trial as jobs. Everything that needs thought is in the package (cytotrial.jobs), with tests.
import re
import sys
from pathlib import Path

from cytotrial.job_resources import JobResources
from cytotrial.jobs import load_jobs, outcome
from cytotrial.provenance import verb_version
from cytotrial.statistics_columns import STATISTICS

CONFIG = config.get("trial_config", "config/config.yaml")
JOBS = load_jobs(Path(CONFIG), Path())
STUDY = JOBS.study
RESOURCES = JobResources(JOBS)


wildcard_constraints:
    panel="|".join(re.escape(panel.id) for panel in STUDY.panels),
    block="|".join(sorted({re.escape(block) for _, block in JOBS.blocks})),


def fcs_files(wildcards):
    return JOBS.existing_fcs(wildcards.panel, wildcards.block)


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


def subjects(wildcards):
    return JOBS.subjects(wildcards.panel, wildcards.block)


def sheet_rows(wildcards):
    return JOBS.rows(wildcards.panel, wildcards.block)


def overrides_sheet(wildcards):
    return JOBS.overrides_sheet(wildcards.panel, wildcards.block)


def moved_gates(wildcards):
    return JOBS.moved(wildcards.panel, wildcards.block)


def by_panel(what):
    return [
        f"{panel.id}={getattr(panel, what)}"
        for panel in STUDY.panels
        if getattr(panel, what)
    ]


def per_job(name):
    return [
        f"results/interim/{panel}/{block}/{name}.tsv" for panel, block in JOBS.blocks
    ]


def jobs_of_panel(name):
    return lambda wildcards: [
        f"results/interim/{panel}/{block}/{name}"
        for panel, block in JOBS.blocks
        if panel == wildcards.panel
    ]
