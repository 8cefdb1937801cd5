"""methods.md: the parts in their order, what is synthetic said so, nothing left empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.quality import QualityRules
from cytotrial.report.methods_document import gating_sentences, methods_document
from cytotrial.report.strategies import PanelDocuments

ROOT = Path(__file__).parents[3]


@pytest.fixture
def placed():
    return PanelDocuments("nk", "nk.yaml", load_strategy(ROOT / "config/gating/nk.yaml"), None, (), ())


@pytest.fixture
def drawn():
    strategy = object.__new__(DrawnStrategy)  # what it holds is not asked for
    return PanelDocuments("treg", "treg.wsp", strategy, None, (), ())


def test_parts_in_order_with_the_statistics_own_text(trial):
    text = methods_document(trial, [], QualityRules(), "### Paired t test\n\nDone.\n", {})
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[0] == "# Methods: A trial"
    assert headings[1] == "## Flow cytometry"
    assert headings.index("## This trial") + 1 == headings.index("## Statistics")
    assert headings.index("## Statistics") < headings.index("### Paired t test") < headings.index("## Software")
    assert "SYNTHETIC" in text
    assert "### How gates were placed" not in text  # no panel, no method
    assert text.endswith(".\n") and "\n\n\n" not in text


def test_without_a_text_of_the_statistics_it_says_so(trial):
    assert "The statistics left no text" in methods_document(trial, [], QualityRules(), None, {})


def test_only_what_the_panels_say_is_said_of_gating(placed, drawn):
    text, references = gating_sentences([placed])
    assert text.startswith("Gates were placed by the data of each file")
    assert "drawn" not in text and "FlowKit" not in text
    assert "Gating-ML 2.0 [1], on logicle scales [2]" in text and text.endswith("Wilson's 95 % interval [3].")
    assert len(references) == 3
    assert "or were taken as people had drawn them where a panel below says so" in gating_sentences([placed, drawn])[0]


def test_drawn_gates_alone_and_no_panel_claim_nothing_of_the_data(drawn):
    text, references = gating_sentences([drawn])
    assert text.startswith("Gates were taken as people had drawn them")
    assert "by the data" not in text and text.endswith("[1].") and len(references) == 1
    assert gating_sentences([])[0].startswith("How the gates were placed is not known here")
