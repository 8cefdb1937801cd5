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
        landmarks="results/interim/{panel}/{subject}/landmarks.tsv",
        intake="results/interim/{panel}/{subject}/intake.tsv",
    log:
        "results/logs/place_gates/{panel}/{subject}.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=gating_memory,
    params:
        rows=sheet_rows,
        code=verb_version("place-gates"),
    shell:
        "cytotrial place-gates --samples {input.samples:q} --subject {wildcards.subject:q}"
        " --panel {wildcards.panel:q} --markers {input.markers:q} --gating {input.gating:q}"
        " --gate-map {input.gate_map:q} --landmarks {output.landmarks:q} --intake {output.intake:q} 2> {log:q}"


rule agree_gates:
    input:
        samples=ancient(STUDY.sheets.samples),
        landmarks=per_subject("landmarks"),
        gating=[panel.gating for panel in STUDY.panels],
        gate_map=[panel.gate_map for panel in STUDY.panels if panel.gate_map],
    output:
        gates="results/interim/agreed_gates.tsv",
        not_placed="results/interim/not_placed.tsv",
    log:
        "results/logs/agree_gates.log",
    conda:
        "../envs/cytotrial.yaml"
    params:
        strategies=[f"{panel.id}={panel.gating}" for panel in STUDY.panels],
        maps=[f"{one.id}={one.gate_map}" for one in STUDY.panels if one.gate_map],
        code=verb_version("agree-gates"),
    shell:
        "cytotrial agree-gates --gating {params.strategies:q} --gate-map {params.maps:q}"
        " --samples {input.samples:q} --landmarks results/interim"
        " --gates {output.gates:q} --not-placed {output.not_placed:q} 2> {log:q}"


rule apply_gates:
    input:
        fcs=fcs_files,
        samples=ancient(STUDY.sheets.samples),
        markers=markers_file,
        gating=gating_file,
        gate_map=gate_map_file,
        matrix=matrix_file,
        intake="results/interim/{panel}/{subject}/intake.tsv",
        gates="results/interim/agreed_gates.tsv",
        not_placed="results/interim/not_placed.tsv",
        overrides=ancient(overrides_sheet),
    output:
        populations="results/interim/{panel}/{subject}/populations.tsv",
        steps="results/interim/{panel}/{subject}/quality_steps.tsv",
        ledger="results/interim/{panel}/{subject}/gates.tsv",
        ungated="results/interim/{panel}/{subject}/not_placed.tsv",
        gatingml=directory("results/interim/{panel}/{subject}/gatingml"),
    log:
        "results/logs/apply_gates/{panel}/{subject}.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=gating_memory,
    params:
        rows=sheet_rows,
        moved=moved_gates,
        code=verb_version("apply-gates"),
    shell:
        "cytotrial apply-gates --samples {input.samples:q} --subject {wildcards.subject:q}"
        " --panel {wildcards.panel:q} --markers {input.markers:q} --gating {input.gating:q}"
        " --gate-map {input.gate_map:q} --intake {input.intake:q} --gates {input.gates:q}"
        " --not-placed {input.not_placed:q}"
        " --overrides {input.overrides:q} --populations {output.populations:q} --steps {output.steps:q}"
        " --ledger {output.ledger:q} --ungated {output.ungated:q} --gatingml {output.gatingml:q} 2> {log:q}"


rule draw_gates:
    input:
        fcs=fcs_files,
        samples=ancient(STUDY.sheets.samples),
        markers=markers_file,
        gating=gating_file,
        gate_map=gate_map_file,
        matrix=matrix_file,
        intake="results/interim/{panel}/{subject}/intake.tsv",
        gates="results/interim/{panel}/{subject}/gates.tsv",
    output:
        directory("results/interim/{panel}/{subject}/pictures"),
    log:
        "results/logs/draw_gates/{panel}/{subject}.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=gating_memory,
    params:
        rows=sheet_rows,
        synthetic="--synthetic" if STUDY.synthetic else "",
        code=verb_version("draw-gates"),
    shell:
        "cytotrial draw-gates --samples {input.samples:q} --subject {wildcards.subject:q}"
        " --panel {wildcards.panel:q} --markers {input.markers:q} --gating {input.gating:q}"
        " --gate-map {input.gate_map:q} --intake {input.intake:q} --gates {input.gates:q}"
        " {params.synthetic} --out {output:q} 2> {log:q}"
