"""Gates moved by hand as the page shows them: new place, automatic place, who, when and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytotrial.columns import GATES
from cytotrial.report.moved_gates import moved_gates
from cytotrial.report.page import PageContent, Source, render_page

EVIL = "<script>alert('x')</script>"
PANELS = {"a": "treg", "b": "treg", "c": "nk"}


def _moved(sample: str = "a", **cells: str | None) -> dict[str, str | None]:
    usual = {
        "sample_id": sample,
        "population": "treg",
        "marker": "CD25",
        "bound": "min",
        "threshold_linear": "1450.4",
        "source": "manual",
        "pool": "none",
        "reason": "cuts through the Treg",
        "panel": PANELS[sample],
        "method": "reference_population",
        "automatic_threshold_linear": "1250.3",
        "automatic_source": "found",
        "automatic_reason": "CD25 above 98.5 %",
        "reviewer": "A. Bee",
        "reviewed": "2026-01-05",
    }
    return dict.fromkeys(GATES.columns) | usual | cells


def _texts(view):
    return {group.heading: [[cell.text for cell in row] for row in group.rows] for group in view.groups}


def test_nobody_moved_a_gate() -> None:
    untouched = {**_moved(), "source": "found", "reviewer": None, "reviewed": None}
    assert moved_gates([untouched], PANELS, source="x") is None


def test_a_threshold_stands_beside_the_automatic_one() -> None:
    view = moved_gates([_moved()], PANELS, source="tables/gates.tsv")
    row = ["a", "treg", "CD25", "min", "1\u202f450", "1\u202f250", "found", "A. Bee, 2026-01-05"]
    assert _texts(view) == {"treg": [[*row, "cuts through the Treg"]]}
    assert view.groups[0].rows[0][6].title == "CD25 above 98.5 %"
    assert view.source == "tables/gates.tsv"
    assert len(view.columns) == 9


def test_a_follower_is_left_out() -> None:
    follower = _moved(population="cd3_negative", method="opposite")
    view = moved_gates([_moved(), follower], PANELS, source="x")
    assert view.n_rows == 1


@pytest.mark.parametrize(
    ("cells", "place", "before", "how"),
    [
        ({"automatic_threshold_linear": None, "automatic_source": None}, "1\u202f450", "NA", "none"),
        (
            {
                "marker": "FSC-A:SSC-A",
                "bound": "shape",
                "threshold_linear": None,
                "coordinates": "[[1,2],[3,4],[5,6]]",
                "automatic_threshold_linear": None,
                "automatic_coordinates": "[[1,2],[3,4]]",
            },
            "3 corners",
            "2 corners",
            "found",
        ),
        (
            {
                "marker": "Time",
                "bound": "shape",
                "threshold_linear": None,
                "coordinates": "[[1,2],[3,4]]",
                "automatic_threshold_linear": None,
                "automatic_coordinates": "[[1,4]]",
            },
            "2 intervals",
            "1 interval",
            "found",
        ),
        ({"source": "found"}, "not moved", "1\u202f450", ""),
    ],
    ids=["no gate before", "shapes", "times", "not moved"],
)
def test_other_moves(cells: dict[str, str | None], place: str, before: str, how: str) -> None:
    ((row,),) = _texts(moved_gates([_moved(**cells)], PANELS, source="x")).values()
    assert row[4:7] == [place, before, how]


def test_a_pool_is_one_row_with_the_range_of_what_was() -> None:
    pool = {"pool": "batch lot 1", "automatic_source": "pooled"}
    gates = [_moved("a", **pool), _moved("b", **pool, automatic_threshold_linear="950")]
    gates.append(_moved("c", **pool, automatic_threshold_linear="2000"))  # another panel
    texts = _texts(moved_gates(gates, PANELS, source="x"))
    assert texts["treg"][0][:6] == [
        "batch lot 1 (2 files)",
        "treg",
        "CD25",
        "min",
        "1\u202f450",
        "1\u202f100 (950 to 1\u202f250)",
    ]
    assert texts["nk"][0][0] == "batch lot 1 (1 file)" and texts["nk"][0][5] == "2\u202f000"


def test_rows_are_in_order_whatever_the_tables_is() -> None:
    gates = [_moved("b"), _moved("a", population="cd4"), _moved("c"), _moved("a")]
    view = moved_gates(gates, PANELS, source="x")
    assert [(key, row[0], row[1]) for key, rows in _texts(view).items() for row in rows] == [
        ("nk", "c", "treg"),
        ("treg", "a", "cd4"),
        ("treg", "a", "treg"),
        ("treg", "b", "treg"),
    ]
    assert view == moved_gates(gates[::-1], PANELS, source="x")


@pytest.fixture
def page(trial, status_row, subset_row, change_row, between_row):
    """``page(gates)``: the whole page with these rows of the ledger."""

    def make(gates):
        tables = {
            "status": [status_row(sample_id="a", panel="treg")],
            "subsets": [subset_row(sample_id="a", subject_id="S1", visit="W0", percent="6.5")],
            "change_from_baseline": [change_row(p_value="0.5")],
            "between_arms": [between_row(p_value="0.5")],
            "gates": gates,
        }
        sources = {name: Source(f"results/{name}.tsv", rows) for name, rows in tables.items()}
        content = PageContent(trial, sources, "trial: {id: T1}\n")
        return render_page(replace(content, pictures={}))

    return make


def test_the_page_shows_them_only_where_there_are_any(page) -> None:
    assert "Moved by hand" not in page([{**_moved(), "source": "found", "reviewer": None}])
    shown = page([_moved()])
    assert "<h3>Moved by hand</h3>" in shown and "override_history.tsv" in shown
    assert "cuts through the Treg" in shown and "A. Bee" in shown


def test_what_a_reviewer_writes_never_acts(page) -> None:
    cells = dict.fromkeys(("reason", "reviewer", "automatic_reason", "reviewed", "population", "marker", "panel"), EVIL)
    shown = page([_moved(**cells), _moved(**cells, pool=f"batch {EVIL}")])
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 12
