"""What the page says of limits and versions; the tests are described in ``templates/methods.html.j2``."""

from __future__ import annotations

import platform
from importlib.metadata import version

from cytotrial.provenance import package_versions
from cytotrial.quality import QualityRules

DRAWN_WITH = ("jinja2", "matplotlib")


def quality_sentences(rules: QualityRules) -> list[str]:
    """The limits in force, in words: the package's defaults with those of the configuration in their place."""
    denominators = ", ".join(f"{name} {least:g}" for name, least in sorted(rules.min_denominator.items()))
    plausible = ", ".join(
        f"{name} {low:g} to {high:g} %" for name, (low, high) in sorted(rules.plausible_percent.items())
    )
    sentences = [
        f"A percentage with fewer than {rules.min_events:g} events of the subset is flagged; with fewer than "
        f"{rules.lloq:g} it is below the lower limit of quantification; with fewer than {rules.not_reported:g} it "
        "is not reported.",
        f"A file is flagged above {rules.max_margin_percent:g} % of events at the range's edge, below "
        f"{rules.min_singlet_percent:g} % singlets, below {rules.min_live_percent:g} % live; it fails when more "
        f"than {rules.max_time_removed_percent:g} % of its events are removed by time"
        + (f", or fewer than {rules.fail_live_percent:g} % are live." if rules.fail_live_percent else "."),
    ]
    if denominators:
        sentences.append(f"A denominator with fewer events is flagged: {denominators}.")
    if plausible:
        sentences.append(f"A percentage outside what is plausible is flagged, never left out: {plausible}.")
    return sentences


def versions() -> list[tuple[str, str]]:
    """Each package with its version, Python first."""
    drawn = [(name, version(name)) for name in DRAWN_WITH]
    return [("Python", platform.python_version()), *package_versions().items(), *drawn]
