# What other programs can read.


rule export_gates:
    input:
        fcs=JOBS.all_fcs(),
        samples=STUDY.sheets.samples,
        markers=[panel.markers for panel in STUDY.panels],
        gating=[panel.gating for panel in STUDY.panels],
        gate_map=[panel.gate_map for panel in STUDY.panels if panel.gate_map],
        intake=per_job("intake"),
        gates=per_job("gates"),
        populations=per_job("populations"),
    output:
        directory("results/exports/gatingml"),
    log:
        "results/logs/export_gates.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("export_gates"),
        runtime=RESOURCES.minutes("export_gates"),
    params:
        markers=by_panel("markers"),
        gating=by_panel("gating"),
        gate_map=by_panel("gate_map"),
        per_job=JOBS.subjects_per_job,
        code=verb_version("export-gates"),
    shell:
        "cytotrial export-gates --samples {input.samples:q} --markers {params.markers:q} --gating {params.gating:q}"
        " --gate-map {params.gate_map:q} --tables results/interim --subjects-per-job {params.per_job}"
        " --out {output:q} 2> {log:q}"
