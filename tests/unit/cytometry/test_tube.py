"""A file with its markers known: which spillover, which scale, and when the file cannot be used."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.fcs import UnreadableFcsError
from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.scale import Scale
from cytotrial.cytometry.tube import Tube, _wide_enough, open_tube

NAMES = ("FSC-A", "FITC-A", "PE-A", "APC-A", "Time")
EVENTS = np.arange(50, dtype=float).reshape(10, 5)
SPILL = "2,FITC-A,PE-A,1,0.2,0.1,1"
PANEL = """\
markers:
  CD3: {channel: FITC-A}
  CD4: {channel: PE-A}
  CD8: {channel: APC-A}
scatter: {fsc_area: FSC-A}
time: Time
"""
Make = Callable[..., Path]


@pytest.fixture
def tube(make_fcs: Make, tmp_path: Path) -> Callable[..., Tube]:
    """A file made and opened: keywords of the file, panel text, events."""

    def build(
        keywords: dict[str, str | None],
        panel: str = PANEL,
        *,
        events: np.ndarray = EVENTS,
        names: tuple[str, ...] = NAMES,
        scale: Scale | None = None,
    ) -> Tube:
        markers = tmp_path / "panel.yaml"
        markers.write_text(panel, encoding="utf-8")
        path = make_fcs(events, names, keywords=keywords)
        return open_tube(path, load_panel(markers), scale or Scale(), sample_id="s1")

    return build


def test_compensated_with_the_files_own_matrix(tube: Callable[..., Tube]) -> None:
    made = tube({"SPILL": SPILL})
    by_hand = EVENTS[:, 1:3] @ np.linalg.inv([[1, 0.2], [0.1, 1]])
    assert made.linear("CD3") == pytest.approx(by_hand[:, 0])
    assert made.linear("CD4") == pytest.approx(by_hand[:, 1])
    for marker, column in (("CD8", 3), ("FSC-A", 0), ("Time", 4)):
        assert np.array_equal(made.linear(marker), EVENTS[:, column])
    assert np.array_equal(made.file.events, EVENTS)  # the file's own stay raw
    assert made.sample_id == "s1"


def test_apply_compensation_keyword_is_not_believed(tube: Callable[..., Tube]) -> None:
    """FACSDiva writes TRUE and stores uncompensated data."""
    assert tube({"SPILL": SPILL, "APPLY COMPENSATION": "TRUE"}).linear("CD3")[1] != EVENTS[1, 1]


def test_axes(tube: Callable[..., Tube]) -> None:
    axes = tube({"SPILL": SPILL, "$P2G": "2", "$P3R": "1024"}).axes
    assert {name: axis.method for name, axis in axes.items()} == {
        "CD3": "logicle",
        "CD4": "logicle",
        "CD8": "logicle",
        "FSC-A": "linear",
        "Time": "linear",
    }
    assert (axes["CD3"].channel, axes["CD3"].index, axes["CD3"].top) == ("FITC-A", 1, 131072.0)
    assert axes["CD4"].top == 1024.0
    assert (axes["CD3"].w, axes["CD3"].m, axes["CD3"].a) == (1.0, 4.5, 0.0)


def test_asinh_has_no_width(tube: Callable[..., Tube]) -> None:
    axis = tube({"SPILL": SPILL}, scale=Scale("asinh", 1.0, 4.0, 1.0)).axes["CD3"]
    assert (axis.method, axis.w, axis.m, axis.a) == ("asinh", 0.0, 4.0, 1.0)


def test_no_matrix_in_the_file_fails_where_the_panel_wants_it(tube: Callable[..., Tube]) -> None:
    with pytest.raises(UnreadableFcsError, match=r"^no spillover matrix in the file .*compensation: none.*CSV"):
        tube({})


@pytest.mark.parametrize("keyword", [None, SPILL, "2,FITC-A,PE-A,1,1,1,1"])
def test_no_compensation_wanted(tube: Callable[..., Tube], keyword: str | None) -> None:
    made = tube({"SPILL": keyword}, PANEL + "compensation: none\n")
    assert made.spillover is None
    assert np.array_equal(np.column_stack([made.events.column(index) for index in range(5)]), EVENTS)


@pytest.mark.parametrize("keyword", [None, SPILL, "2,FITC-A,PE-A,1,1,1,1"])
def test_matrix_from_a_csv(tube: Callable[..., Tube], tmp_path: Path, keyword: str | None) -> None:
    """Whatever the file itself says."""
    path = tmp_path / "matrix.csv"
    path.write_text("FITC-A,APC-A\n1,0.5\n0,1\n", encoding="utf-8")
    made = tube({"SPILL": keyword}, PANEL + f"compensation: {path}\n")
    assert made.spillover is not None
    assert made.spillover.source == "matrix.csv"
    assert made.linear("CD8") == pytest.approx(EVENTS[:, 3] - 0.5 * EVENTS[:, 1])


def test_csv_with_a_detector_that_the_file_lacks(tube: Callable[..., Tube], tmp_path: Path) -> None:
    path = tmp_path / "matrix.csv"
    path.write_text("FITC-A,BV421-A\n1,0.5\n0,1\n", encoding="utf-8")
    with pytest.raises(UnreadableFcsError, match=r"^compensation matrix: matrix\.csv names BV421-A, which the file"):
        tube({}, PANEL + f"compensation: {path}\n")


def test_csv_that_is_not_there(tube: Callable[..., Tube]) -> None:
    with pytest.raises(UnreadableFcsError, match=r"absent\.csv: found no usable matrix"):
        tube({}, PANEL + "compensation: absent.csv\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2,FITC-A,PE-A,1,1,1,1", "condition number"),
        ("2,FITC-A,PE-A,1,0.2,0.1,0.5", "diagonal"),
        ("2,FITC-A,PE-A,1,nan,0.1,1", "not numbers"),
        ("2,FITC-A,BV421-A,1,0,0,1", "which the file has not"),
    ],
)
def test_unusable_matrix_fails_where_the_panel_wants_it(tube: Callable[..., Tube], text: str, told: str) -> None:
    with pytest.raises(UnreadableFcsError, match=rf"^spillover: .*{told}"):
        tube({"SPILL": text})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_in_the_panels_channels(tube: Callable[..., Tube], bad: float) -> None:
    events = EVENTS.copy()
    events[2, 3] = bad
    with pytest.raises(UnreadableFcsError, match="not finite numbers in the panel's channels"):
        tube({"SPILL": SPILL}, events=events)


def test_not_finite_elsewhere_does_not_matter(tube: Callable[..., Tube]) -> None:
    events = EVENTS.copy()
    events[2, 3] = np.nan
    panel = PANEL.replace("  CD8: {channel: APC-A}\n", "")
    made, other = tube({"SPILL": SPILL}, panel, events=events), tube({"SPILL": SPILL})
    assert made.linear("CD4") == pytest.approx(other.linear("CD4"))


def test_not_finite_spread_by_compensation(tube: Callable[..., Tube]) -> None:
    """A NaN in a channel that the panel does not map but the matrix has spreads to those that it maps."""
    events = EVENTS.copy()
    events[2, 2] = np.nan
    with pytest.raises(UnreadableFcsError, match="not finite"):
        tube({"SPILL": SPILL}, PANEL.replace("  CD4: {channel: PE-A}\n", ""), events=events)


def test_marker_that_the_file_lacks(tube: Callable[..., Tube]) -> None:
    with pytest.raises(UnreadableFcsError, match=r"made\.fcs, CD19: found no channel"):
        tube({"SPILL": SPILL}, PANEL.replace("CD8: {channel: APC-A}", "CD19: {channel: BV421-A}"))


def test_optional_marker_and_time_that_the_file_lacks(tube: Callable[..., Tube]) -> None:
    panel = PANEL.replace("CD8: {channel: APC-A}", "viability: {channel: AmCyan-A, optional: true}")
    made = tube({"SPILL": SPILL}, panel.replace("time: Time", "time: Zeit"))
    assert set(made.axes) == {"CD3", "CD4", "FSC-A"}


def test_two_channels_of_one_name_when_the_panel_means_one_of_them(tube: Callable[..., Tube]) -> None:
    """FlowKit finds channels by name alone: it would gate on the first, whichever was meant."""
    names = ("FSC-A", "FITC-A", "PE-A", "PE-A", "Time")
    panel = PANEL.replace("CD4: {channel: PE-A}", 'CD4: {label: "CD4"}').replace("  CD8: {channel: APC-A}\n", "")
    with pytest.raises(UnreadableFcsError, match=r"^\$PnN PE-A stands for several channels"):
        tube({"$P3S": "CD14", "$P4S": "CD4"}, panel + "compensation: none\n", names=names)


def test_two_channels_of_one_name_that_nobody_asks_for(tube: Callable[..., Tube]) -> None:
    names = ("FSC-A", "FITC-A", "PE-A", "PE-A", "Time")
    panel = PANEL.replace("  CD4: {channel: PE-A}\n", "").replace("  CD8: {channel: APC-A}\n", "")
    assert set(tube({}, panel + "compensation: none\n", names=names).axes) == {"CD3", "FSC-A", "Time"}


def test_the_scale_is_as_wide_as_the_files_own_noise() -> None:
    """Parks 2006: W = (M - log10(T / r)) / 2, r the fifth percentile of the negatives; never below the strategy's."""
    axis = Axis("CD56", "PE-A", 0, 2.0**24, "logicle", 1.0, 4.5 + math.log10(2.0**6), 0.0)
    noise = np.random.default_rng(0).normal(0.0, 5000.0, 20_000)
    reach = -np.quantile(noise[noise < 0], 0.05)
    assert _wide_enough(axis, noise).w == pytest.approx((axis.m - math.log10(2.0**24 / reach)) / 2, abs=0.001)
    assert _wide_enough(axis, noise / 100).w == 1.0
    assert _wide_enough(axis, np.abs(noise)).w == 1.0
