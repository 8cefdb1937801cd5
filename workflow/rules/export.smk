# What other programs can read.


rule export_gates:
    input:
        samples=STUDY.sheets.samples,
        gatingml=[
            f"results/interim/{panel}/{subject}/gatingml"
            for panel, subject in JOBS.subject_panels
        ],
    output:
        directory("results/exports/gatingml"),
    log:
        "results/logs/export_gates.log",
    conda:
        "../envs/cytotrial.yaml"
    params:
        code=verb_version("export-gates"),
    shell:
        "cytotrial export-gates --samples {input.samples:q} --gatingml results/interim --out {output:q} 2> {log:q}"
