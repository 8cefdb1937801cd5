# What was moved by hand, once and now.


rule record_overrides:
    input:
        overrides=STUDY.sheets.overrides or [],
    output:
        # The file of the run before is kept: entries are appended to it, none is taken out.
        update("results/tables/override_history.tsv"),
    log:
        "results/logs/record_overrides.log",
    conda:
        "../envs/cytotrial.yaml"
    resources:
        mem_mb=RESOURCES.memory("record_overrides"),
        runtime=RESOURCES.minutes("record_overrides"),
    params:
        code=verb_version("record-overrides"),
    shell:
        "cytotrial record-overrides --overrides {input.overrides:q} --history {output:q} 2> {log:q}"
