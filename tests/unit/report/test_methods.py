"""Limits and versions."""

from cytotrial import __version__
from cytotrial.quality import quality_rules
from cytotrial.report.methods import quality_sentences, versions


def test_limits_are_those_in_force() -> None:
    """The configuration's own value where it has one, the default elsewhere."""
    section = {"reportable": {"lloq": 33}, "plausible_percent": {"nk/lymphocytes": [0.5, 44]}, "min_live_percent": 61}
    said = " ".join(quality_sentences(quality_rules(section)))
    default = quality_rules({})
    assert f"fewer than {default.min_events} events" in said
    assert "with fewer than 33 it is below the lower limit of quantification" in said
    assert "below 61 % live" in said
    assert "nk/lymphocytes 0.5 to 44 %, treg/cd4 1 to 30 %." in said


def test_versions_name_this_package_and_what_drew_the_page() -> None:
    found = dict(versions())
    assert found["cytotrial"] == __version__
    assert {"Python", "scipy", "matplotlib", "jinja2"} <= set(found)
