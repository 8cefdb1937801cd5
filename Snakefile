include: "workflow/Snakefile"


workflow.default_target = (
    "all"  # Snakemake never takes an included rule as the default one
)
