# One page that a person can open.


rule report:
    input:
        config=CONFIG,
        subjects=STUDY.sheets.subjects,
        panels=JOBS.panel_files(),
        status="results/tables/status.tsv",
        steps="results/tables/quality_steps.tsv",
        populations="results/tables/populations.tsv",
        gates="results/tables/gates.tsv",
        subsets="results/tables/subsets.tsv",
        check="results/tables/gating_check.tsv",
        stats=[f"results/stats/{table.name}.tsv" for table in STATISTICS],
        methods="results/stats/methods.md",
        pictures=[
            f"results/interim/{panel}/pictures"
            for panel in sorted({panel for panel, _ in JOBS.blocks})
        ],
    output:
        page="results/report/index.html",
        methods="results/report/methods.md",
    log:
        "results/logs/report.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("report"),
        runtime=RESOURCES.minutes("report"),
    params:
        tables=lambda wildcards, input: Path(input.status).parent,
        stats=lambda wildcards, input: Path(input.methods).parent,
        code=verb_version("report"),
    shell:
        "cytotrial report --config {input.config:q} --tables {params.tables:q} --stats {params.stats:q}"
        " --subjects {input.subjects:q} --pictures {input.pictures:q} --out {output.page:q}"
        " --methods {output.methods:q} 2> {log:q}"
