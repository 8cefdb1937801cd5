"""Rounded numbers never change what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.report.numbers import is_hit, show, show_count, show_interval, show_linear, show_p


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "NA"),
        ("0.05", "0.0500"),
        ("0.0499999", "0.0500"),
        ("0.04956", "0.0496"),
        ("0.0004", "<0.001"),
        ("0.012345", "0.012"),
        ("1.0", "1.000"),
        ("0.9999", ">0.999"),
    ],
)
def test_p_values(value: str | None, shown: str) -> None:
    assert show_p(value) == shown


@given(st.floats(0, 0.0495))
def test_a_hit_never_reads_as_none(p: float) -> None:
    """Below 0.0495 the text itself is below 0.05."""
    assert is_hit(p)
    assert float(show_p(p).lstrip("<")) < 0.05


def test_missing_is_never_zero() -> None:
    assert {show(None), show_count(None), show_interval(None, "1"), show_p(None)} == {"NA"}


def test_minus_sign_and_sign_of_changes() -> None:
    assert show("-2.344", signed=True) == "\u22122.34"
    assert show("2.3", signed=True) == "+2.30"
    assert show("-0.0049", signed=True) == "0.00"
    assert show_interval("-1", "2") == "\u22121.00 to 2.00"
    assert show_linear(-1234.0) == "\u22121\u202f234"


def test_thousands_stand_apart() -> None:
    assert show_count("1234567") == "1\u202f234\u202f567"
