# Counts to percentages, with every file's status; every gate that was used in one ledger. What the report waits for has
# priority over what nobody waits for; no count becomes a percentage before FlowKit has checked its share of them.


rule tabulate:
    input:
        config=CONFIG,
        samples=STUDY.sheets.samples,
        intake=per_job("intake"),
        gates=per_job("gates"),
        not_placed=per_job("not_placed"),
        populations=per_job("populations"),
        steps=per_job("quality_steps"),
        moved_counts=per_job("moved_counts"),
        check="results/tables/gating_check.tsv",
    output:
        status="results/tables/status.tsv",
        steps="results/tables/quality_steps.tsv",
        populations="results/tables/populations.tsv",
        gates="results/tables/gates.tsv",
        subsets="results/tables/subsets.tsv",
        wide="results/tables/subsets_wide.tsv",
        moved_counts="results/tables/moved_counts.tsv",
    log:
        "results/logs/tabulate.log",
    priority: 20
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("tabulate"),
        runtime=RESOURCES.minutes("tabulate"),
    params:
        per_job=JOBS.subjects_per_job,
        out=lambda wildcards, output: Path(output.status).parent,
        code=verb_version("tabulate"),
    shell:
        "cytotrial tabulate --config {input.config:q} --samples {input.samples:q} --intake results/interim"
        " --gates results/interim --not-placed results/interim --populations results/interim --steps results/interim"
        " --moved-counts results/interim --subjects-per-job {params.per_job} --out {params.out:q} 2> {log:q}"
