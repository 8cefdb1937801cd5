"""Cells that tables of results share: a value or why there is none, a p-value, and its two corrections."""

from __future__ import annotations

from cytotrial.report.numbers import MISSING, Cell, is_hit, show_p
from cytotrial.report.views import Column, Row

# Not called a family: on the page that word is for what the configuration declares.
NOT_ADJUSTED = "not adjusted: only primary denominators at visits after the baseline are"
P_COLUMNS = (
    Column("p", "nominal p-value"),
    Column("Holm", f"p adjusted by Holm over all subsets and visits; NA where {NOT_ADJUSTED}"),
    Column("BH", f"p adjusted by Benjamini and Hochberg over all subsets and visits; NA where {NOT_ADJUSTED}"),
)


def value_cell(text: str, why: str) -> Cell:
    """A value; where it is missing, the reason shows on hovering."""
    return Cell(text, why, "na") if text == MISSING else Cell(text)


def p_cell(value: str | None, why: str) -> Cell:
    """A p-value, tinted below 0.05."""
    cell = value_cell(show_p(value), why)
    return Cell(cell.text, cell.title, "hit") if is_hit(value) else cell


def p_cells(row: Row, note: str) -> list[Cell]:
    """Cells of `P_COLUMNS` from a row with ``p_value``, ``p_holm`` and ``p_bh``."""
    why = NOT_ADJUSTED if row["p_value"] is not None else note
    return [p_cell(row["p_value"], note), *(p_cell(row[name], why) for name in ("p_holm", "p_bh"))]
