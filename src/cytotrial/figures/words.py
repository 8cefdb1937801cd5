"""The words of pictures and pages for ids: denominators, and the mark on simulated data."""

from __future__ import annotations

SYNTHETIC_MARK = "SYNTHETIC DATA: simulated, no patients"

DENOMINATOR_LABELS = {
    "lymphocytes": "lymphocytes",
    "cd3": "CD3+ T cells",
    "cd4": "CD4+ T cells",
    "nk": "NK cells",
}


def denominator_label(denominator: str) -> str:
    """The denominator in words; an id that is not known is shown as it is.

    Examples
    --------
    >>> denominator_label("cd3"), denominator_label("live")
    ('CD3+ T cells', 'live')
    """
    return DENOMINATOR_LABELS.get(denominator, denominator)


def percent_label(denominator: str) -> str:
    """Unit of a percentage in words.

    Examples
    --------
    >>> percent_label("cd4")
    '% of CD4+ T cells'
    """
    return f"% of {denominator_label(denominator)}"
