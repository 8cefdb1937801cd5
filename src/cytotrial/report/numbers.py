"""How the page writes numbers: rounded for reading, ``NA`` where there is none; tables keep every digit."""

from __future__ import annotations

from dataclasses import dataclass

MISSING = "NA"
MINUS = "\u2212"
ALPHA = 0.05


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, a longer text to show on hovering, and its style class."""

    text: str
    title: str = ""
    css: str = ""


def number(value: str | float | None) -> float | None:
    """A table's cell as a number; ``None`` stays ``None``."""
    return None if value is None else float(value)


def show(value: str | float | None, *, decimals: int = 2, signed: bool = False) -> str:
    """A number with a fixed count of decimals and a true minus sign.

    Examples
    --------
    >>> show("12.0678"), show(2.5, signed=True), show("-0.001", signed=True), show(None)
    ('12.07', '+2.50', '0.00', 'NA')
    """
    given = number(value)
    if given is None:
        return MISSING
    text = f"{given:+.{decimals}f}" if signed else f"{given:.{decimals}f}"
    if float(text) == 0:
        text = f"{0:.{decimals}f}"
    return text.replace("-", MINUS)


def show_count(value: str | float | None) -> str:
    """A whole number, thousands apart.

    Examples
    --------
    >>> show_count("63735").replace("\\u202f", " "), show_count(None)
    ('63 735', 'NA')
    """
    given = number(value)
    return MISSING if given is None else f"{given:,.0f}".replace(",", "\u202f")


def show_p(value: str | float | None) -> str:
    """A p-value to three decimals; more where rounding would hide on which side of 0.05 it is.

    Examples
    --------
    >>> [show_p(p) for p in ("0.0123", 0.0004, 0.0496, 0.99996, None)]
    ['0.012', '<0.001', '0.0496', '>0.999', 'NA']
    """
    given = number(value)
    if given is None:
        return MISSING
    if given < 0.001:
        return "<0.001"
    if given > 0.999:
        return ">0.999" if given < 1 else "1.000"
    text = f"{given:.3f}"
    return f"{given:.4f}" if text == "0.050" else text


def show_interval(low: str | float | None, high: str | float | None, *, decimals: int = 2, signed: bool = False) -> str:
    """An interval in words; ``NA`` where there is none.

    Examples
    --------
    >>> show_interval("1.1", 3.52), show_interval(None, None)
    ('1.10 to 3.52', 'NA')
    """
    if low is None or high is None:
        return MISSING
    return f"{show(low, decimals=decimals, signed=signed)} to {show(high, decimals=decimals, signed=signed)}"


def show_linear(value: float) -> str:
    """A threshold on the compensated linear scale: whole from 10 up, three digits below.

    Examples
    --------
    >>> show_linear(1234.5).replace("\\u202f", " "), show_linear(1.1234), show_linear(-55.2) == MINUS + "55"
    ('1 234', '1.12', True)
    """
    text = f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 10 else f"{value:.3g}"
    return text.replace("-", MINUS)


def is_hit(value: str | float | None) -> bool:
    """Whether a p-value is there and below 0.05."""
    given = number(value)
    return given is not None and given < ALPHA
