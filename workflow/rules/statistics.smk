# The first rule that may know who is in which arm.


rule statistics:
    input:
        config=CONFIG,
        subsets="results/tables/subsets.tsv",
        moved_counts="results/tables/moved_counts.tsv",
        subjects=STUDY.sheets.subjects,
        outcomes=STUDY.sheets.outcomes or [],
    output:
        tables=[f"results/stats/{table.name}.tsv" for table in STATISTICS],
        methods="results/stats/methods.md",
    log:
        "results/logs/statistics.log",
    priority: 20
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("statistics"),
        runtime=RESOURCES.minutes("statistics"),
    params:
        out=lambda wildcards, output: Path(output.methods).parent,
        code=verb_version("statistics"),
    shell:
        "cytotrial statistics --config {input.config:q} --subsets {input.subsets:q}"
        " --moved-counts {input.moved_counts:q}"
        " --subjects {input.subjects:q} --outcomes {input.outcomes:q} --out {params.out:q} 2> {log:q}"
