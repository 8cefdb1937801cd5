"""methods.md: the parts in their order, what is synthetic said so, nothing left empty."""

from __future__ import annotations

from cytotrial.quality import QualityRules
from cytotrial.report.methods_document import methods_document


def test_parts_in_order_with_the_statistics_own_text(trial):
    text = methods_document(trial, [], QualityRules(), "### Paired t test\n\nDone.\n")
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[0] == "# Methods: A trial"
    assert headings[1] == "## Flow cytometry"
    assert headings.index("## Statistics") < headings.index("### Paired t test") < headings.index("## Software")
    assert "SYNTHETIC" in text
    assert "### How gates were placed" not in text  # no panel, no method
    assert text.endswith(".\n") and "\n\n\n" not in text


def test_without_a_text_of_the_statistics_it_says_so(trial):
    assert "The statistics left no text" in methods_document(trial, [], QualityRules(), None)
