# FlowKit itself, on a share of the files: a single differing count ends the run.


rule check_counts:
    input:
        fcs=JOBS.all_fcs(),
        samples=ancient(STUDY.sheets.samples),
        markers=[panel.markers for panel in STUDY.panels],
        gating=[panel.gating for panel in STUDY.panels],
        gate_map=[panel.gate_map for panel in STUDY.panels if panel.gate_map],
        intake=per_job("intake"),
        gates=per_job("gates"),
        populations=per_job("populations"),
    output:
        "results/tables/gating_check.tsv",
    log:
        "results/logs/check_counts.log",
    priority: 20
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("check_counts"),
        runtime=RESOURCES.minutes("check_counts"),
    params:
        markers=by_panel("markers"),
        gating=by_panel("gating"),
        gate_map=by_panel("gate_map"),
        per_job=JOBS.subjects_per_job,
        percent=JOBS.flowkit_percent,
        code=verb_version("check-counts"),
    shell:
        "cytotrial check-counts --samples {input.samples:q} --markers {params.markers:q} --gating {params.gating:q}"
        " --gate-map {params.gate_map:q} --tables results/interim --subjects-per-job {params.per_job}"
        " --percent {params.percent} --out {output:q} 2> {log:q}"
