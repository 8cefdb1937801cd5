"""Gate pictures, on tubes of a few events: each panel's words, lines and areas worked out by hand."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from cytotrial.cytometry.tube import Tube
from cytotrial.figures.gates import COLOURS, draw_gates
from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.gating.landmarks import Bound
from cytotrial.gating.membership import GatedStep
from cytotrial.gating.strategy import Rule

RNG = np.random.default_rng(7)
N = 4000
COLUMNS = {
    "FSC-A": RNG.normal(60_000, 9_000, N),
    "SSC-A": RNG.normal(30_000, 6_000, N),
    "CD3": RNG.normal(200, 90, N),
    "CD4": RNG.normal(20_000, 5_000, N),
    "Time": np.linspace(0, 60, N),
}
EVERY = np.ones(N, dtype=bool)


def step(name: str, *bounds: Bound, parent: np.ndarray = EVERY, inside: np.ndarray | None = None) -> GatedStep:
    """A gate as `agreed_steps` gives it; half of the parent inside unless said."""
    rule = Rule(name, "root", tuple(bound.marker for bound in bounds), "fixed", None, "none", None, "lineage")
    half = parent & (np.arange(len(parent)) % 2 == 0)
    return GatedStep(rule, bounds, parent, half if inside is None else inside)


CD3_GATE = Bound("CD3", "min", 1000.0)


@pytest.fixture
def tube(make_tube: Callable[..., Tube]) -> Tube:
    """Scatter, two markers and time."""
    return make_tube(COLUMNS)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Figure]:
    """`draw_gates`, and the figure as it is saved."""
    kept: list[Figure] = []
    save = Figure.savefig

    def keep(self: Figure, *arguments: Any, **options: Any) -> None:
        kept.append(self)
        save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)

    def make(tube: Tube, steps: Sequence[GatedStep], *, synthetic: bool = False) -> Figure:
        png = draw_gates(tube, steps, title="the file", synthetic=synthetic)
        assert png.startswith(b"\x89PNG")
        return kept[-1]

    return make


def titles(figure: Figure) -> list[str]:
    """The titles of the panels that are shown."""
    return [axes.get_title() for axes in figure.axes if axes.axison]


def test_words_of_a_panel(tube: Tube, drawn: Callable[..., Figure]) -> None:
    """Share of the parent, and the parent's events: 500 of 1,250."""
    parent = np.arange(N) < 1250
    figure = drawn(tube, [step("cd3", CD3_GATE, parent=parent, inside=np.arange(N) < 500)])
    assert titles(figure) == ["cd3: 40.0 % of 1,250"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("CD3", "SSC-A")


@pytest.mark.parametrize(("synthetic", "title"), [(False, "the file"), (True, f"the file   {SYNTHETIC_MARK}")])
def test_title_says_when_data_are_simulated(
    tube: Tube, drawn: Callable[..., Figure], synthetic: bool, title: str
) -> None:
    figure = drawn(tube, [step("cd3", CD3_GATE)], synthetic=synthetic)
    assert figure.get_suptitle() == title


@pytest.mark.parametrize(("n_gates", "n_rows"), [(0, 1), (1, 1), (5, 1), (6, 2), (11, 3)])
def test_five_gates_a_row(tube: Tube, drawn: Callable[..., Figure], n_gates: int, n_rows: int) -> None:
    """One gate only, or none, is a picture too; places left over are empty."""
    figure = drawn(tube, [step(f"gate{n}", CD3_GATE) for n in range(n_gates)])
    assert len(figure.axes) == 5 * n_rows
    assert titles(figure) == [f"gate{n}: 50.0 % of 4,000" for n in range(n_gates)]
    assert figure.get_size_inches()[1] == pytest.approx(2.25 * n_rows + 0.3)


def test_thresholds_lie_on_the_gates_own_scale(tube: Tube, drawn: Callable[..., Figure]) -> None:
    """First marker upright, second level; both on the logicle."""
    axes = drawn(tube, [step("cd4", Bound("CD4", "min", 3000.0), CD3_GATE)]).axes[0]
    upright, level = axes.lines
    at = {marker: float(tube.axes[marker].to_scale(value)) for marker, value in (("CD4", 3000.0), ("CD3", 1000.0))}
    assert 0.3 < at["CD3"] < at["CD4"] < 0.7
    assert (list(upright.get_xdata()), list(upright.get_ydata())) == ([at["CD4"]] * 2, [0, 1])
    assert (list(level.get_xdata()), list(level.get_ydata())) == ([0, 1], [at["CD3"]] * 2)
    assert {to_hex(line.get_color()) for line in (upright, level)} == {"#d55e00"}


def test_polygon_is_closed(tube: Tube, drawn: Callable[..., Figure]) -> None:
    corners = ((40_000.0, 20_000.0), (80_000.0, 20_000.0), (60_000.0, 45_000.0))
    axes = drawn(tube, [step("lymphocytes", Bound("FSC-A:SSC-A", "shape", None, corners))]).axes[0]
    (line,) = axes.lines
    assert line.get_xydata().tolist() == [list(corner) for corner in (*corners, corners[0])]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("FSC-A", "SSC-A")


def test_every_time_interval_is_shaded(tube: Tube, drawn: Callable[..., Figure]) -> None:
    kept = ((0.0, 10.0), (20.0, 25.0), (40.0, 60.0))
    axes = drawn(tube, [step("steady_time", Bound("Time", "shape", None, kept))]).axes[0]
    spans = [tuple(patch.get_extents().transformed(axes.transData.inverted()).intervalx) for patch in axes.patches]
    assert np.allclose(spans, kept)
    assert {to_hex(patch.get_facecolor()) for patch in axes.patches} == {"#009e73"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time", "FSC-A")
    assert len(axes.lines) == 0


def test_density_counts_parent_and_inside(tube: Tube, drawn: Callable[..., Figure]) -> None:
    """Grey for the parent, blue over it for those inside; bins' counts add up to the events within the limits."""
    parent, inside = np.arange(N) < 2000, np.arange(N) < 300
    axes = drawn(tube, [step("cd3", CD3_GATE, parent=parent, inside=inside)]).axes[0]
    counts = [int(image.get_array().sum()) for image in axes.images]
    assert [image.get_cmap().name for image in axes.images] == ["Greys", "Blues"]
    x, y = tube.axes["CD3"].to_scale(COLUMNS["CD3"]), COLUMNS["SSC-A"]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    seen = (x >= left) & (x <= right) & (y >= low) & (y <= high)
    assert counts == [int((seen & parent).sum()), int((seen & inside).sum())]
    assert counts[0] > 0.99 * 2000


def test_nobody_inside_is_no_blue(tube: Tube, drawn: Callable[..., Figure]) -> None:
    axes = drawn(tube, [step("cd3", CD3_GATE, inside=np.zeros(N, dtype=bool))]).axes[0]
    assert axes.get_title() == "cd3: 0.0 % of 4,000"
    assert [image.get_cmap().name for image in axes.images] == ["Greys"]


@pytest.mark.parametrize(
    "bound",
    [
        CD3_GATE,
        Bound("FSC-A", "max", 250_000.0),
        Bound("Time", "shape", None, ((0.0, 1.0), (2.0, 3.0))),
        Bound("FSC-A:SSC-A", "shape", None, ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),
    ],
)
def test_no_event_in_the_parent(tube: Tube, drawn: Callable[..., Figure], bound: Bound) -> None:
    """No share of nothing: NA, and an empty panel with its gate."""
    axes = drawn(tube, [step("child", bound, parent=np.zeros(N, dtype=bool))]).axes[0]
    assert axes.get_title() == "child: NA of 0"
    assert len(axes.images) == 0
    assert len(axes.lines) + len(axes.patches) > 0


@pytest.mark.parametrize("value", [0.0, -500.0, 3e6])
def test_events_of_one_value(make_tube: Callable[..., Tube], drawn: Callable[..., Figure], value: float) -> None:
    tube = make_tube({"CD3": np.full(9, value), "SSC-A": np.full(9, 10.0)})
    axes = drawn(tube, [step("cd3", CD3_GATE, parent=np.ones(9, dtype=bool))]).axes[0]
    assert int(axes.images[0].get_array().sum()) == 9


def test_file_without_scatter(make_tube: Callable[..., Tube], drawn: Callable[..., Figure]) -> None:
    """A gate on one marker is drawn against another one."""
    tube = make_tube({name: COLUMNS[name] for name in ("CD3", "CD4", "Time")})
    steps = [step("cd3", CD3_GATE), step("cd4", Bound("CD4", "min", 3000.0))]
    steps.append(step("steady_time", Bound("Time", "shape", None, ((0.0, 10.0),))))
    figure = drawn(tube, steps)
    pairs = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes if axes.axison]
    assert pairs == [("CD3", "CD4"), ("CD4", "CD3"), ("Time", "CD3")]


def test_file_of_one_channel(make_tube: Callable[..., Tube], drawn: Callable[..., Figure]) -> None:
    """Nothing to draw it against but itself."""
    axes = drawn(make_tube({"CD3": COLUMNS["CD3"]}), [step("cd3", CD3_GATE)]).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("CD3", "CD3")
    assert axes.get_title() == "cd3: 50.0 % of 4,000"


def test_bounds_on_a_third_marker_are_not_drawn_on_anothers_axis(tube: Tube, drawn: Callable[..., Figure]) -> None:
    limits = [Bound(marker, "max", value) for marker, value in (("FSC-A", 90_000.0), ("SSC-A", 50_000.0), ("CD4", 9.0))]
    axes = drawn(tube, [step("in_range", *limits)]).axes[0]
    assert [list(line.get_xydata()[0]) for line in axes.lines] == [[90_000.0, 0.0], [0.0, 50_000.0]]


def test_ticks_are_linear_values(tube: Tube, drawn: Callable[..., Figure]) -> None:
    axes = drawn(tube, [step("cd3", CD3_GATE)]).axes[0]
    named = dict(zip([label.get_text() for label in axes.get_xticklabels()], axes.get_xticks(), strict=True))
    assert named["10³"] == pytest.approx(float(tube.axes["CD3"].to_scale(1000.0)))
    assert axes.yaxis.get_major_formatter()(30_000.0, 0) == "30k"


def test_same_input_same_bytes_and_a_small_file(tube: Tube) -> None:
    steps = [step(f"gate{n}", CD3_GATE) for n in range(7)]
    one, two = (draw_gates(tube, steps, title="the file", synthetic=True) for _ in range(2))
    assert one == two
    picture = Image.open(io.BytesIO(one))
    print(f"7 gates: {len(one)} bytes, {picture.size}, {len(picture.getcolors())} colours")
    assert len(picture.getcolors()) <= COLOURS
    assert picture.info.get("Software") is None
    assert len(one) < 60_000


def test_style_of_the_users_own_does_not_show(tube: Tube) -> None:
    """A matplotlibrc changes no byte, and drawing changes no setting."""
    import matplotlib

    steps = [step("cd3", CD3_GATE)]
    plain = draw_gates(tube, steps, title="the file", synthetic=False)
    with matplotlib.rc_context({"font.size": 20.0, "axes.facecolor": "black", "savefig.dpi": 300}):
        assert draw_gates(tube, steps, title="the file", synthetic=False) == plain
        assert matplotlib.rcParams["font.size"] == 20.0
