# Counts to percentages, with every file's status.


rule tabulate:
    input:
        config=CONFIG,
        samples=STUDY.sheets.samples,
        gates="results/tables/gates.tsv",
        not_placed="results/interim/not_placed.tsv",
        intake=per_subject("intake"),
        populations=per_subject("populations"),
        steps=per_subject("quality_steps"),
    output:
        status="results/tables/status.tsv",
        steps="results/tables/quality_steps.tsv",
        populations="results/tables/populations.tsv",
        subsets="results/tables/subsets.tsv",
        wide="results/tables/subsets_wide.tsv",
    log:
        "results/logs/tabulate.log",
    conda:
        "../envs/cytotrial.yaml"
    params:
        out=lambda wildcards, output: Path(output.status).parent,
        code=verb_version("tabulate"),
    shell:
        "cytotrial tabulate --config {input.config:q} --samples {input.samples:q} --gates {input.gates:q}"
        " --not-placed {input.not_placed:q} --intake results/interim --populations results/interim --steps results/interim"
        " --out {params.out:q} 2> {log:q}"
