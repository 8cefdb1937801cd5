# Counts to percentages, with every file's status; every gate that was used in one ledger.


rule tabulate:
    input:
        config=CONFIG,
        samples=STUDY.sheets.samples,
        intake=per_subject("intake"),
        gates=per_subject("gates"),
        not_placed=per_subject("not_placed"),
        populations=per_subject("populations"),
        steps=per_subject("quality_steps"),
    output:
        status="results/tables/status.tsv",
        steps="results/tables/quality_steps.tsv",
        populations="results/tables/populations.tsv",
        gates="results/tables/gates.tsv",
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
        "cytotrial tabulate --config {input.config:q} --samples {input.samples:q} --intake results/interim"
        " --gates results/interim --not-placed results/interim --populations results/interim --steps results/interim"
        " --out {params.out:q} 2> {log:q}"
