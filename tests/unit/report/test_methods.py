"""Limits and versions."""

from cytotrial import __version__
from cytotrial.report.methods import quality_sentence, versions


def test_limits_of_the_configuration_are_written_out() -> None:
    said = quality_sentence({"reportable": {"min_events": 100, "lloq": 50}, "plausible_percent": {"nk/l": [0.5, 45]}})
    assert "reportable min_events 100, lloq 50" in said
    assert "plausible_percent nk/l 0.5 to 45" in said


def test_versions_name_this_package() -> None:
    assert dict(versions())["cytotrial"] == __version__
