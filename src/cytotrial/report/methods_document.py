"""``methods.md``: the methods section of a paper, put together from what each part of the run says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.quality import QualityRules
from cytotrial.report.methods import quality_sentences, versions
from cytotrial.report.strategies import PanelDocuments, method_sentences, strategy_view
from cytotrial.report.trial import Trial
from cytotrial.report.trial_facts import trial_facts
from cytotrial.report.views import Row

GATING_ML = (
    "Spidlen J, Moore W, Brinkman RR. ISAC's Gating-ML 2.0 data exchange standard for gating description. Cytometry A "
    "2015;87:683-687. doi:10.1002/cyto.a.22690"
)
LOGICLE = (
    "Parks DR, Roederer M, Moore WA. A new 'Logicle' display method avoids deceptive effects of logarithmic scaling "
    "for low signals and compensated data. Cytometry A 2006;69:541-551. doi:10.1002/cyto.a.20258"
)
WILSON = (
    "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc 1927;22:209-212. "
    "doi:10.1080/01621459.1927.10502953"
)


def methods_document(
    trial: Trial,
    panels: Sequence[PanelDocuments],
    rules: QualityRules,
    statistics: str | None,
    tables: Mapping[str, Sequence[Row]],
) -> str:
    """The whole text as Markdown.

    Parameters
    ----------
    statistics : str or None
        What `cytotrial statistics` wrote of its own methods; None where it is not there.
    tables : mapping
        Rows by the table's name: what the facts of this trial are counted from.
    """
    mark = "The data are SYNTHETIC: simulated, of no patient.\n\n" if trial.study.synthetic else ""
    methods = [f"- `{name}`: {text}" for name, text in method_sentences(panels)]
    gating, cited = gating_sentences(panels)
    references = [f"{number}. {one}" for number, one in enumerate(cited, start=1)]
    sections = [
        (f"# Methods: {trial.study.title}", f"{mark}## Flow cytometry\n\n{gating}"),
        *((f"### Panel {panel.id}", " ".join(strategy_view(panel).sentences)) for panel in panels),
        ("### How gates were placed", "\n".join(methods)),
        ("### Quality", " ".join(quality_sentences(rules))),
        ("### References of the cytometry", "\n".join(references)),
        ("## This trial", trial_facts(trial, tables)),
        ("## Statistics", (statistics or "The statistics left no text of their methods.").rstrip()),
        ("## Software", ", ".join(f"{name} {number}" for name, number in versions()) + "."),
    ]
    return "\n\n".join(f"{heading}\n\n{text}" for heading, text in sections if text) + "\n"


def gating_sentences(panels: Sequence[PanelDocuments]) -> tuple[str, list[str]]:
    """Who placed the gates, as far as the panels' files tell, how they were applied; and the references in order."""
    known = [panel.strategy for panel in panels if panel.strategy is not None]
    placed = [strategy for strategy in known if not isinstance(strategy, DrawnStrategy)]
    by_data = "were placed by the data of each file and agreed over files of a subject, batch or trial"
    by_people = "were taken as people had drawn them"
    if not known:
        told = ["How the gates were placed is not known here: no panel's strategy could be read."]
    elif len(placed) == len(known):
        told = [f"Gates {by_data}, without knowledge of the arms; every gate is in `tables/gates.tsv`."]
    elif placed:
        told = [
            f"Gates {by_data}, or {by_people} where a panel below says so, and were applied without knowledge of the "
            "arms; every gate is in `tables/gates.tsv`."
        ]
    else:
        told = [
            f"Gates {by_people}, and were applied without knowledge of the arms; every gate is in `tables/gates.tsv`."
        ]
    cited = []
    if placed:
        cited.append(GATING_ML)
        scales = ""
        if any(strategy.scale.method == "logicle" for strategy in placed):
            cited.append(LOGICLE)
            scales = f", on logicle scales [{len(cited)}]"
        told.append(f"Gates are those of Gating-ML 2.0 [1]{scales}{' where a panel below says so' if scales else ''}.")
    cited.append(WILSON)
    told.append(f"Percentages are given with Wilson's 95 % interval [{len(cited)}].")
    return " ".join(told), cited
