"""Words for ids."""

from cytotrial.figures.words import percent_label


def test_known_and_unknown_denominators() -> None:
    assert [percent_label(name) for name in ("lymphocytes", "cd3", "cd4", "nk", "live_cells")] == [
        "% of lymphocytes",
        "% of CD3+ T cells",
        "% of CD4+ T cells",
        "% of NK cells",
        "% of live_cells",
    ]
