# Place, agree, apply, draw. No rule here has the subjects sheet among its inputs: the arm is invisible.


rule place_gates:
    input:
        fcs=fcs_files,
        samples=ancient(STUDY.sheets.samples),
        markers=markers_file,
        gating=gating_file,
        gate_map=gate_map_file,
        drawn=drawn_files,
        matrix=matrix_file,
    output:
        landmarks="results/interim/{panel}/{block}/landmarks.tsv",
        intake="results/interim/{panel}/{block}/intake.tsv",
    log:
        "results/logs/place_gates/{panel}/{block}.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("place_gates"),
        runtime=RESOURCES.minutes("place_gates"),
    params:
        subjects=subjects,
        rows=sheet_rows,
        code=verb_version("place-gates"),
    shell:
        "cytotrial place-gates --samples {input.samples:q} --subjects {params.subjects:q}"
        " --panel {wildcards.panel:q} --markers {input.markers:q} --gating {input.gating:q}"
        " --gate-map {input.gate_map:q}"
        " --landmarks {output.landmarks:q} --intake {output.intake:q} 2> {log:q}"


# One table for each job, so that it reads its own files' rows and no others.
rule agree_gates:
    input:
        samples=ancient(STUDY.sheets.samples),
        landmarks=per_job("landmarks"),
        gating=[panel.gating for panel in STUDY.panels],
        gate_map=[panel.gate_map for panel in STUDY.panels if panel.gate_map],
    output:
        gates=per_job("agreed_gates"),
        not_placed=per_job("not_agreed"),
    log:
        "results/logs/agree_gates.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("agree_gates"),
        runtime=RESOURCES.minutes("agree_gates"),
    params:
        gating=by_panel("gating"),
        gate_map=by_panel("gate_map"),
        per_job=JOBS.subjects_per_job,
        code=verb_version("agree-gates"),
    shell:
        "cytotrial agree-gates --gating {params.gating:q} --gate-map {params.gate_map:q}"
        " --samples {input.samples:q} --landmarks results/interim --subjects-per-job {params.per_job}"
        " --gates results/interim --not-placed results/interim 2> {log:q}"


rule apply_gates:
    input:
        fcs=fcs_files,
        samples=ancient(STUDY.sheets.samples),
        markers=markers_file,
        gating=gating_file,
        gate_map=gate_map_file,
        matrix=matrix_file,
        intake="results/interim/{panel}/{block}/intake.tsv",
        gates="results/interim/{panel}/{block}/agreed_gates.tsv",
        not_placed="results/interim/{panel}/{block}/not_agreed.tsv",
        overrides=ancient(overrides_sheet),
    output:
        populations="results/interim/{panel}/{block}/populations.tsv",
        steps="results/interim/{panel}/{block}/quality_steps.tsv",
        ledger="results/interim/{panel}/{block}/gates.tsv",
        ungated="results/interim/{panel}/{block}/not_placed.tsv",
        moved_counts="results/interim/{panel}/{block}/moved_counts.tsv",
        grids=directory("results/interim/{panel}/{block}/grids"),
    log:
        "results/logs/apply_gates/{panel}/{block}.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("apply_gates"),
        runtime=RESOURCES.minutes("apply_gates"),
    params:
        subjects=subjects,
        rows=sheet_rows,
        moved=moved_gates,
        code=verb_version("apply-gates"),
    shell:
        "cytotrial apply-gates --samples {input.samples:q} --subjects {params.subjects:q}"
        " --panel {wildcards.panel:q} --markers {input.markers:q} --gating {input.gating:q}"
        " --gate-map {input.gate_map:q} --intake {input.intake:q} --gates {input.gates:q}"
        " --not-placed {input.not_placed:q}"
        " --overrides {input.overrides:q} --populations {output.populations:q} --steps {output.steps:q}"
        " --ledger {output.ledger:q} --ungated {output.ungated:q} --moved-counts {output.moved_counts:q}"
        " --grids {output.grids:q} 2> {log:q}"


rule draw_gates:
    input:
        samples=ancient(STUDY.sheets.samples),
        gates=jobs_of_panel("gates.tsv"),
        grids=jobs_of_panel("grids"),
    output:
        directory("results/interim/{panel}/pictures"),
    log:
        "results/logs/draw_gates/{panel}.log",
    priority: 10
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("draw_gates"),
        runtime=RESOURCES.minutes("draw_gates"),
    params:
        synthetic="--synthetic" if STUDY.synthetic else "",
        per_job=JOBS.subjects_per_job,
        code=verb_version("draw-gates"),
    shell:
        "cytotrial draw-gates --samples {input.samples:q} --panel {wildcards.panel:q} --grids results/interim"
        " --gates results/interim --subjects-per-job {params.per_job} {params.synthetic} --out {output:q} 2> {log:q}"
