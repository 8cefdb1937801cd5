"""The picture of a subset: what it says, in every shape a trial can have."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from cytotrial.figures.dynamics import draw_dynamics
from cytotrial.figures.series import ArmValues, Dynamics, Mark
from cytotrial.figures.words import SYNTHETIC_MARK

VISITS = [("W0", 0.0), ("W2", 2.0), ("W10", 10.0)]
ACTIVE = ArmValues("IL2", "Low-dose IL-2", {"S1": {"W0": 5.0, "W2": 8.0, "W10": 11.0}, "S2": {"W0": 7.0, "W10": 13.0}})
CONTROL = ArmValues("PBO", "Placebo", {"S3": {"W0": 6.0, "W2": 6.5}, "S4": {"W2": 5.5}})


def _texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("text")]


def _dynamics(**changes: object) -> Dynamics:
    given: dict[str, object] = {
        "name": "picture-1",
        "title": "NK cells",
        "y_label": "% of lymphocytes",
        "arms": [ACTIVE, CONTROL],
        "visits": VISITS,
        "dosing": [(0.0, 2.0), (8.0, 10.0)],
    }
    return Dynamics(**(given | changes))  # type: ignore[arg-type]


def test_says_what_it_shows() -> None:
    texts = _texts(draw_dynamics(_dynamics(), label="x"))
    for expected in ("NK cells", "% of lymphocytes", "Low-dose IL-2", "Placebo", "W0", "W2", "W10", "dosing"):
        assert expected in texts


def test_counts_under_the_plot_are_the_values_at_each_visit() -> None:
    texts = _texts(draw_dynamics(_dynamics(), label="x"))
    row = texts[texts.index("n IL2") : texts.index("n PBO") + 4]
    assert row == ["n IL2", "2", "1", "2", "n PBO", "1", "2", "0"]


def test_synthetic_data_are_marked_inside_the_picture() -> None:
    assert SYNTHETIC_MARK in _texts(draw_dynamics(_dynamics(synthetic=True), label="x"))
    assert SYNTHETIC_MARK not in _texts(draw_dynamics(_dynamics(), label="x"))


def test_means_stand_where_the_values_are() -> None:
    """IL2's means are 6, 8 and 12 %: equal steps in the picture are equal steps in percent."""
    svg = draw_dynamics(_dynamics(arms=[ACTIVE]), label="x")
    marks = re.findall(r'<use href="#[^"]+" x="([\d.]+)" y="([\d.]+)" style="fill: var\(--arm-1', svg)
    by_week = sorted({(float(x), float(y)) for x, y in marks})
    points = [point for point in by_week if point[0] > 62][-3:]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert (y0 - y1) / (y0 - y2) == pytest.approx((8 - 6) / (12 - 6), abs=0.01)
    assert (x1 - x0) / (x2 - x0) == pytest.approx(2 / 10, abs=0.01)


def test_a_mark_more_is_a_symbol_more_and_an_open_one_is_not_filled() -> None:
    def symbols(*marks: Mark) -> int:
        return draw_dynamics(_dynamics(marks=list(marks)), label="x").count("<use ")

    plain = symbols()
    assert symbols(Mark("W10", "IL2", True), Mark("W2", None, True)) == plain + 2
    assert symbols(Mark("W99", "IL2", True)) == plain  # a visit that is not in the schedule
    filled = draw_dynamics(_dynamics(marks=[Mark("W10", "IL2", True)]), label="x")
    hollow = draw_dynamics(_dynamics(marks=[Mark("W10", "IL2", False)]), label="x")
    assert hollow.count("fill-opacity: 0") + hollow.count("fill: none") > filled.count(
        "fill-opacity: 0"
    ) + filled.count("fill: none")


def test_nothing_to_show_says_why() -> None:
    empty = _dynamics(
        arms=[ArmValues("IL2", "Low-dose IL-2", {})], empty_reason="no file of this trial gives this subset"
    )
    texts = _texts(draw_dynamics(empty, label="x"))
    assert not empty.has_values
    assert "no reportable values" in texts
    assert "no file of this trial gives this subset" in texts


@pytest.mark.parametrize(
    "changes",
    [
        {"arms": [ArmValues("IL2", "IL-2", {"S1": {"W0": 5.0}})]},
        {"arms": [ACTIVE], "visits": [("W0", 0.0)], "dosing": []},
        {"arms": [ACTIVE], "visits": [("D0", 0.0), ("D1", 1 / 7), ("D2", 2 / 7), ("W24", 24.0)]},
        {"arms": [ArmValues(f"A{i}", f"Arm {i}", {"S": {"W0": 0.0}}) for i in range(8)]},
        {"arms": [], "visits": []},
        {"visits": [("same", 1.0), ("week", 1.0)]},
        {"title": "$cost_{1} & <b>", "y_label": "% of $x"},
    ],
    ids=[
        "one value",
        "one visit",
        "days and weeks",
        "eight arms of zeros",
        "nothing",
        "same week",
        "odd words",
    ],
)
def test_every_shape_is_drawn(changes: dict[str, object]) -> None:
    svg = draw_dynamics(_dynamics(**changes), label="x")
    ElementTree.fromstring(svg)
    assert "nan" not in svg.lower().replace("nano", "")
    assert svg == draw_dynamics(_dynamics(**changes), label="x")


def test_odd_words_are_shown_as_they_are() -> None:
    texts = _texts(draw_dynamics(_dynamics(title="$cost_{1} & <b>"), label="x"))
    assert "$cost_{1} & <b>" in texts


def test_a_lone_value_is_seen_and_a_missing_visit_breaks_the_line() -> None:
    """S1 W0 W2 W10, a line of three points; S2 W0 and W10 without W2, two dots of two points each."""
    svg = draw_dynamics(_dynamics(arms=[ACTIVE], dosing=[]), label="x")
    thin = next(path for path in re.findall(r'<path d="([^"]+)"[^>]*stroke-opacity: 0.28', svg))
    assert (thin.count("M"), thin.count("L")) == (3, 4)
