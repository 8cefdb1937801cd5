"""``methods.md``: the methods section of a paper, put together from what each part of the run says of itself."""

from __future__ import annotations

from collections.abc import Sequence

from cytotrial.quality import QualityRules
from cytotrial.report.methods import quality_sentences, versions
from cytotrial.report.strategies import PanelDocuments, method_sentences, strategy_view
from cytotrial.report.trial import Trial

REFERENCES = (
    "Spidlen J, Moore W, Brinkman RR. ISAC's Gating-ML 2.0 data exchange standard for gating description. Cytometry A "
    "2015;87:683-687. doi:10.1002/cyto.a.22690",
    "Parks DR, Roederer M, Moore WA. A new 'Logicle' display method avoids deceptive effects of logarithmic scaling "
    "for low signals and compensated data. Cytometry A 2006;69:541-551. doi:10.1002/cyto.a.20258",
    "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc 1927;22:209-212. "
    "doi:10.1080/01621459.1927.10502953",
)


GATING = """Gates were placed by the data of each file and agreed over files of a subject, batch or trial, or were taken
as people had drawn them where a panel below says so, and were applied without knowledge of the arms; every gate is in
`tables/gates.tsv`. FlowKit gated a share of the files again, and every count was the same (`tables/gating_check.tsv`).
Gates are those of Gating-ML 2.0 [1], on logicle scales [2] where the strategy says so. Percentages are given with
Wilson's 95 % interval [3]."""


def methods_document(
    trial: Trial, panels: Sequence[PanelDocuments], rules: QualityRules, statistics: str | None
) -> str:
    """The whole text as Markdown.

    Parameters
    ----------
    statistics : str or None
        What `cytotrial statistics` wrote of its own methods; None where it is not there.
    """
    mark = "The data are SYNTHETIC: simulated, of no patient.\n\n" if trial.study.synthetic else ""
    methods = [f"- `{name}`: {text}" for name, text in method_sentences(panels)]
    references = [f"{number}. {one}" for number, one in enumerate(REFERENCES, start=1)]
    sections = [
        (f"# Methods: {trial.study.title}", f"{mark}## Flow cytometry\n\n{' '.join(GATING.split())}"),
        *((f"### Panel {panel.id}", " ".join(strategy_view(panel).sentences)) for panel in panels),
        ("### How gates were placed", "\n".join(methods)),
        ("### Quality", " ".join(quality_sentences(rules))),
        ("### References of the cytometry", "\n".join(references)),
        ("## Statistics", (statistics or "The statistics left no text of their methods.").rstrip()),
        ("## Software", ", ".join(f"{name} {number}" for name, number in versions()) + "."),
    ]
    return "\n\n".join(f"{heading}\n\n{text}" for heading, text in sections if text) + "\n"
