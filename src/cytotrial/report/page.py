"""The page: sections put together from tables and pictures, one self-contained HTML text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.quality import quality_rules
from cytotrial.report.answer import answer
from cytotrial.report.declared import declared, family_table
from cytotrial.report.dynamics import picture, subset_dynamics
from cytotrial.report.endpoint_tables import binary_table, continuous_table, hierarchy_table
from cytotrial.report.files import file_section
from cytotrial.report.gates import GatePicture, gate_table, lineage, population_table, step_table
from cytotrial.report.methods import quality_sentences, versions
from cytotrial.report.model_tables import mixed_model_fit_table, mixed_model_table
from cytotrial.report.moved_gates import moved_gates
from cytotrial.report.result_tables import between_table, change_table, subset_table
from cytotrial.report.strategies import Document, PanelDocuments, method_sentences, strategy_view
from cytotrial.report.survival import SurvivalSection, survival_section
from cytotrial.report.trial import Trial
from cytotrial.report.views import Row, TableView
from cytotrial.statistics.carried_forward import SUFFIX as CARRIED_FORWARD


@dataclass(frozen=True)
class Source:
    """A table's rows and the file they are from, as the page names it."""

    name: str
    rows: Sequence[Row]
    sha256: str = ""


@dataclass(frozen=True)
class PageContent:
    """All that a page is made of.

    Attributes
    ----------
    trial : Trial
    tables : mapping of table name to Source
        ``status``, ``subsets``, ``change_from_baseline`` and ``between_arms`` must be there; where ``gates``,
        ``populations`` or ``quality_steps`` is not, its section says so. The models' tables, those of endpoints and
        those of what was declared are shown where they are there, and so is the section of ``survival``.
    config_text : str
        The configuration file as it is.
    pictures : mapping of panel to pictures
        The gates of single samples.
    panels : sequence of PanelDocuments
        How each panel's populations are found; empty where the configuration has no panels.
    """

    trial: Trial
    tables: Mapping[str, Source]
    config_text: str
    pictures: Mapping[str, Sequence[GatePicture]] = field(default_factory=dict)
    pictures_left_out: int = 0
    panels: Sequence[PanelDocuments] = ()


@dataclass(frozen=True)
class SetSection:
    """The tables of one analysis set, and what must be known before reading them."""

    heading: str
    views: Sequence[TableView]
    note: str = ""


def render_page(content: PageContent) -> str:
    """The page as HTML; the same content gives the same text.

    Every text of a file is escaped by the template engine; only pictures made here pass as they are.
    """
    environment = Environment(
        loader=PackageLoader("cytotrial.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(**_sections(content))


def _sections(content: PageContent) -> dict[str, Any]:
    trial, tables = content.trial, content.tables
    status, subsets = tables["status"], tables["subsets"]
    change, between = tables["change_from_baseline"], tables["between_arms"]
    dynamics = subset_dynamics(subsets.rows, change.rows, between.rows, trial, source=subsets.name)
    return {
        "study": trial.study,
        "trial": trial,
        "mark": SYNTHETIC_MARK,
        "summary": _summary(trial, status.rows),
        "files": file_section(status.rows, trial, source=status.name),
        "n_files": len(status.rows),
        "declared": declared(*_rows_and_names(tables), trial),
        "answer": answer(change.rows, between.rows, dynamics, trial, source=f"{change.name} and {between.name}"),
        "answer_sources": (change.name, between.name),
        "survival": _survival(content),
        "pictures": [picture(one, trial, source=subsets.name) for one in dynamics],
        "results": _results(content),
        "endpoints": _endpoints(content),
        "subset_tables": [
            subset_table(subsets.rows, readout, trial, source=subsets.name) for readout in trial.study.readouts
        ],
        "strategies": [strategy_view(panel) for panel in content.panels],
        "gate_methods": method_sentences(content.panels),
        "gate_tables": _gate_tables(tables),
        "moved_gates": _moved_gates(tables),
        "gate_pictures": content.pictures,
        "pictures_left_out": content.pictures_left_out,
        "quality": quality_sentences(quality_rules(trial.study.quality)),
        "versions": versions(),
        "sources": [tables[name] for name in sorted(tables)],
        "config_text": content.config_text,
        "documents": _documents(content.panels),
    }


def _documents(panels: Sequence[PanelDocuments]) -> list[Document]:
    """Every panel's files, each once: panels may share one."""
    return list(dict.fromkeys(document for panel in panels for document in panel.documents))


def _summary(trial: Trial, status: Sequence[Row]) -> str:
    """What was analysed, in a sentence or two."""
    study = trial.study
    primary = trial.primary_set
    arms = ", ".join(
        f"{arm.label} {len(trial.members(arm.id))} ({len(trial.members(arm.id, primary))} in {primary}, "
        "the primary analysis set)"
        for arm in study.arms
    )
    visits = f"{len(study.visits)} visits ({study.visits[0].id} to {study.visits[-1].id})"
    if len(study.visits) == 1:
        visits = f"1 visit ({study.visits[0].id})"
    counted = Counter(row["status"] for row in status)
    files = ", ".join(f"{counted[word]} {word}" for word in ("ok", "flagged", "failed"))
    return f"{len(trial.subjects)} subjects: {arms}. {visits}. {len(status)} FCS files: {files}."


def _rows_and_names(tables: Mapping[str, Source]) -> tuple[dict[str, Sequence[Row]], dict[str, str]]:
    return {name: one.rows for name, one in tables.items()}, {name: one.name for name, one in tables.items()}


def _survival(content: PageContent) -> SurvivalSection | None:
    tables = content.tables
    if "survival" not in tables:
        return None
    ancestry = lineage(tables["populations"].rows if "populations" in tables else [])
    families = tables["families"].rows if "families" in tables else []
    rows, source = tables["survival"].rows, tables["survival"].name
    return survival_section(rows, content.trial, ancestry, families, source=source)


def _results(content: PageContent) -> list[SetSection]:
    """Each analysis set with its tables, the primary one first; then that with last observations carried forward."""
    trial = content.trial
    sections = []
    for name in trial.study.analysis_sets:
        views = [*_tests(content, name), *_models(content, name)]
        if name == trial.primary_set:
            sections.append(SetSection(f"Analysis set {name} (primary)", views))
        else:
            sections.append(SetSection(f"Analysis set {name}", [*_declared_in(content, name), *views]))
    if trial.plan.is_locf_asked:
        name = f"{trial.primary_set}{CARRIED_FORWARD}"
        sections.append(
            SetSection(
                f"Sensitivity analysis {name}: last observation carried forward",
                _tests(content, name),
                f"Analysis set {trial.primary_set}; a missing value after the baseline is the subject's last one after "
                "the baseline. This assumes that nothing changes after it; no conclusion should rest on it.",
            )
        )
    return sections


def _tests(content: PageContent, name: str) -> list[TableView]:
    change, between = content.tables["change_from_baseline"], content.tables["between_arms"]
    return [
        change_table(change.rows, name, content.trial, source=change.name),
        between_table(between.rows, name, content.trial, source=between.name),
    ]


def _models(content: PageContent, name: str) -> list[TableView]:
    makers = (("mixed_model", mixed_model_table), ("mixed_model_fit", mixed_model_fit_table))
    found = [(content.tables[table], make) for table, make in makers if table in content.tables]
    return [make(table.rows, name, content.trial, source=table.name) for table, make in found]


def _declared_in(content: PageContent, name: str) -> list[TableView]:
    """Declared families and the hierarchy in another set than the primary one, whose are in the answer."""
    rows, names = _rows_and_names(content.tables)
    views = [
        family_table(rows, name, content.trial, source=names.get("families", "")),
        hierarchy_table(rows, name, content.trial, source=names.get("gatekeeping", "")),
    ]
    return [view for view in views if view.n_rows]


def _endpoints(content: PageContent) -> list[TableView]:
    """Clinical endpoints, where there are any."""
    trial, tables = content.trial, content.tables
    views = [
        make(tables[name].rows, trial, source=tables[name].name)
        for name, make in (("categorical", binary_table), ("continuous", continuous_table))
        if name in tables
    ]
    return [view for view in views if view.n_rows]


def _moved_gates(tables: Mapping[str, Source]) -> TableView | None:
    if "gates" not in tables:
        return None
    panels = {str(row["sample_id"]): str(row["panel"]) for row in tables["status"].rows}
    return moved_gates(tables["gates"].rows, panels, source=tables["gates"].name)


def _gate_tables(tables: Mapping[str, Source]) -> list[TableView | str]:
    """The tables on gates; a sentence in place of one whose file is not there."""
    panels = {str(row["sample_id"]): str(row["panel"]) for row in tables["status"].rows}
    populations = tables["populations"].rows if "populations" in tables else []
    shown: list[TableView | str] = []
    for name in ("gates", "populations", "quality_steps"):
        if name not in tables:
            shown.append(f"{name}.tsv was not there when this page was made.")
            continue
        rows, source = tables[name].rows, tables[name].name
        if name == "gates":
            shown.append(gate_table(rows, populations, panels, source=source))
        elif name == "populations":
            shown.append(population_table(rows, panels, source=source))
        else:
            shown.append(step_table(rows, panels, source=source))
    return shown
