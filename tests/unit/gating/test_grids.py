"""Density grids: every event in the bin that the gate's own scale gives it, and read back as they were written."""

from __future__ import annotations

import dataclasses
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.scale_table import LARGEST_ERROR
from cytotrial.cytometry.tube import Tube
from cytotrial.errors import CytotrialError
from cytotrial.gating.grids import (
    BINS,
    GateGrid,
    GridCounter,
    GridPlan,
    bins,
    grid_plans,
    grids_from_arrays,
    read_grids,
    write_grids,
)
from cytotrial.gating.landmarks import Bound
from cytotrial.gating.membership import GatedStep
from cytotrial.gating.strategy import Rule, Strategy

TOP = 262144.0
SCATTER = Axis("SSC-A", "SSC-A", 0, TOP)
CD3 = Axis("CD3", "APC-A", 1, TOP, "logicle", 1.0, 4.5)
CD4 = Axis("CD4", "PE-A", 2, TOP, "logicle", 1.0, 4.5)
TIME = Axis("Time", "Time", 3, 100.0)
AXES = {"CD3": CD3, "CD4": CD4, "FSC-A": dataclasses.replace(SCATTER, marker="FSC-A"), "SSC-A": SCATTER, "Time": TIME}
WHOLE_SCATTER = (0.0, 1.02 * TOP)


def rule(name: str, *markers: str, parent: str = "root", step: str = "lineage") -> Rule:
    return Rule(name, parent, markers, "fixed", None, "none", None, step)


def strategy(*rules: Rule) -> Strategy:
    return Strategy("s", None, rules)  # type: ignore[arg-type]


def row(population: str, marker: str | None, bound: str = "min", where: Any = 1000.0) -> dict[str, Any]:
    shape = bound == "shape"
    linear, coordinates = (None, where and json.dumps(where)) if shape else (where, None)
    words = {"population": population, "marker": marker, "bound": bound}
    return words | {"threshold_linear": linear, "coordinates": coordinates}


def seen(plans: list[GridPlan]) -> dict[str, tuple[str, str]]:
    return {plan.population: (plan.x.marker, plan.y.marker) for plan in plans}


# --- bins


def test_bins_of_a_linear_axis_by_hand() -> None:
    """Ranges are half open; what lies beyond is piled up at either end."""
    values = np.array([-1e9, -0.1, 0.0, 0.99, 1.0, 94.999, 95.0, 96.0, 1e12])
    assert bins(SCATTER, 0.0, float(BINS), values).tolist() == [0, 0, 0, 0, 1, 94, 95, 95, 95]
    assert bins(SCATTER, 10.0, 10.0 + BINS, values[4:7] + 10).tolist() == [1, 94, 95]


@pytest.mark.parametrize("method", ["logicle", "asinh"])
def test_bins_are_those_of_the_gates_scale(method: str) -> None:
    """The table's error moves only events that lie on the border of two bins."""
    axis = dataclasses.replace(CD3, method=method)
    values = np.random.default_rng(3).normal(0.0, 1.0, 40_000) * 10 ** np.random.default_rng(4).uniform(0, 5.5, 40_000)
    got = bins(axis, -0.2, 1.0, values)
    exact = (axis.to_scale(values) + 0.2) / 1.2 * BINS
    on_border = np.abs(exact - np.round(exact)) < 2 * LARGEST_ERROR * BINS
    print(f"{method}: {on_border.sum()} of {len(values)} on a border, bins {got.min()} to {got.max()}")
    assert got.dtype == np.uint8
    assert on_border.mean() < 0.001
    assert np.array_equal(got[~on_border], np.clip(np.floor(exact), 0, BINS - 1)[~on_border])


# --- counting


def counted(x: np.ndarray, y: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One event after the other."""
    parent, within = (np.zeros((BINS, BINS), dtype=int) for _ in range(2))
    for a, b, kept in zip(x, y, inside, strict=True):
        parent[a, b] += 1
        within[a, b] += kept
    return parent, within


def test_counting_block_by_block_as_one_event_after_the_other() -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.integers(0, BINS, 5000, dtype=np.uint8) for _ in range(2))
    x[:10], y[:10] = BINS - 1, BINS - 1  # the last bin of all
    inside = rng.random(5000) < 0.3
    counter = GridCounter(GridPlan("cd3", CD3, SCATTER, (0.0, 1.0), WHOLE_SCATTER))
    for block in (slice(0, 1), slice(1, 1), slice(1, 3000), slice(3000, None)):
        counter.add(x[block], y[block], inside[block])
    grid = counter.grid()
    parent, within = counted(x, y, inside)
    assert np.array_equal(grid.parent, parent)
    assert np.array_equal(grid.inside, within)
    assert (grid.parent.dtype, grid.inside.dtype) == (np.uint32, np.uint32)
    assert (grid.n_parent, grid.n_inside) == (5000, int(inside.sum()))
    assert grid.population == "cd3"


def test_nothing_counted_is_an_empty_grid() -> None:
    grid = GridCounter(GridPlan("cd3", CD3, SCATTER, (0.0, 1.0), WHOLE_SCATTER)).grid()
    assert (grid.n_parent, grid.n_inside, int(grid.parent.sum())) == (0, 0, 0)
    assert grid.parent.shape == grid.inside.shape == (BINS, BINS)


# --- what to count


def test_one_plan_per_gate_in_the_strategys_order_on_fixed_ranges() -> None:
    rules = strategy(rule("cd3", "CD3"), rule("cd4", "CD4", "CD3", parent="cd3"), rule("few", "CD4", parent="cd4"))
    rows = [row("few", "CD4"), row("cd4", "CD3"), row("cd4", "CD4"), row("cd3", "CD3")]
    plans = grid_plans(rules, rows, AXES)
    assert list(seen(plans).items()) == [("cd3", ("CD3", "SSC-A")), ("cd4", ("CD4", "CD3")), ("few", ("CD4", "SSC-A"))]
    assert [(plan.x_range, plan.y_range) for plan in plans[:2]] == [((0.0, 1.0), WHOLE_SCATTER), ((0.0, 1.0),) * 2]


def test_two_gates_on_the_same_markers_are_seen_from_the_same_side() -> None:
    rules = strategy(rule("cd4", "CD4", "CD3"), rule("other", "CD3", "CD4"))
    rows = [row(name, marker) for name in ("cd4", "other") for marker in ("CD3", "CD4")]
    assert seen(grid_plans(rules, rows, AXES)) == {"cd4": ("CD4", "CD3"), "other": ("CD4", "CD3")}


@pytest.mark.parametrize(
    ("available", "marker", "pair"),
    [
        (("CD3", "CD4", "FSC-A", "SSC-A"), "CD3", ("CD3", "SSC-A")),
        (("CD3", "CD4", "FSC-A", "SSC-A"), "SSC-A", ("SSC-A", "CD3")),
        (("CD3", "CD4", "FSC-A", "Time"), "Time", ("Time", "FSC-A")),
        (("CD3", "CD4"), "CD4", ("CD4", "CD3")),
        (("CD3", "Time"), "CD3", ("CD3", "CD3")),
        (("CD3",), "CD3", ("CD3", "CD3")),
    ],
)
def test_what_a_gate_on_one_marker_is_shown_against(
    available: tuple[str, ...], marker: str, pair: tuple[str, str]
) -> None:
    """Side scatter, else what the file has, but never Time; at worst itself."""
    axes = {name: AXES[name] for name in available}
    assert seen(grid_plans(strategy(rule("gate", marker)), [row("gate", marker)], axes)) == {"gate": pair}


def test_gate_on_three_markers_shows_the_strategys_first_two() -> None:
    rules = strategy(rule("gate", "SSC-A", "CD4", "CD3"))
    rows = [row("gate", marker) for marker in ("CD3", "CD4", "SSC-A")]
    assert seen(grid_plans(rules, rows, AXES)) == {"gate": ("SSC-A", "CD4")}


@pytest.mark.parametrize("marker", [None, "", ":CD3", "CD8", "CD3:CD8"])
def test_gate_without_an_outline_has_no_plan_and_its_children_have(marker: str | None) -> None:
    """A Boolean gate of a workspace, or one on a channel that is none of the file's markers."""
    rules = strategy(rule("boolean"), rule("cd3", "CD3", parent="boolean"))
    rows = [row("boolean", marker, "shape", None), row("cd3", "CD3")]
    assert list(seen(grid_plans(rules, rows, AXES))) == ["cd3"]


@pytest.mark.parametrize(("step", "expected"), [("quality", ["cd3", "cd4"]), ("lineage", [])])
def test_children_of_what_has_no_gate(step: str, expected: list[str]) -> None:
    """Below a step that was passed over they are counted; below a population that is NA they are not."""
    rules = strategy(
        rule("absent", "CD8", step=step), rule("cd3", "CD3", parent="absent"), rule("cd4", "CD4", parent="cd3")
    )
    assert list(seen(grid_plans(rules, [row("cd3", "CD3"), row("cd4", "CD4")], AXES))) == expected


def test_an_asinh_begins_below_zero_where_the_negative_cells_are() -> None:
    axes = {"CD3": dataclasses.replace(CD3, method="asinh", w=0.0), "SSC-A": SCATTER}
    (plan,) = grid_plans(strategy(rule("cd3", "CD3")), [row("cd3", "CD3")], axes)
    assert plan.x_range == (float(axes["CD3"].to_scale(-TOP / 1000)), 1.0)
    assert plan.x_range[0] < -0.3


@pytest.mark.parametrize("top", [0.0, float("inf"), float("nan"), -5.0])
def test_scatter_whose_range_the_file_does_not_say(top: float) -> None:
    axes = {"CD3": CD3, "SSC-A": dataclasses.replace(SCATTER, top=top)}
    (plan,) = grid_plans(strategy(rule("cd3", "CD3")), [row("cd3", "CD3")], axes)
    assert plan.y_range == WHOLE_SCATTER


def test_scatter_is_seen_nearer_from_a_shape_close_to_zero_downward() -> None:
    """At 3 % of its range by halves, till it takes more than an eighth; forward scatter and gates above stay whole."""
    shape = [[40_000.0, 500.0], [90_000.0, 8_000.0], [50_000.0, 6_000.0]]
    rules = strategy(
        rule("live", "CD4"),
        rule("lymphocytes", "FSC-A", "SSC-A", parent="live"),
        rule("cd3", "CD3", parent="lymphocytes"),
        rule("beside", "CD3", parent="live"),
    )
    rows = [row("live", "CD4"), row("lymphocytes", "FSC-A:SSC-A", "shape", shape), row("cd3", "CD3")]
    plans = {plan.population: plan for plan in grid_plans(rules, [*rows, row("beside", "CD3")], AXES)}
    near = (0.0, 1.02 * TOP / 8)
    assert near[1] / 8 < 8_000.0 <= near[1] / 4
    spans = {name: (plan.x_range, plan.y_range) for name, plan in plans.items()}
    assert spans["live"] == spans["beside"] == ((0.0, 1.0), WHOLE_SCATTER)
    assert spans["lymphocytes"] == (WHOLE_SCATTER, near)
    assert spans["cd3"] == ((0.0, 1.0), near)


def test_shape_of_usual_lymphocytes_leaves_the_range_whole() -> None:
    shape = [[50_000.0, 13_000.0], [130_000.0, 35_000.0], [90_000.0, 58_000.0]]
    rows = [row("lymphocytes", "FSC-A:SSC-A", "shape", shape)]
    (plan,) = grid_plans(strategy(rule("lymphocytes", "FSC-A", "SSC-A")), rows, AXES)
    assert (plan.x_range, plan.y_range) == (WHOLE_SCATTER, WHOLE_SCATTER)


@pytest.mark.parametrize(
    ("rows", "acquired", "expected"),
    [
        ([row("steady", "Time", "shape", [[10.0, 20.0], [40.0, 60.0]])], None, (9.0, 61.0)),
        ([row("steady", "Time", "shape", [[10.0, 20.0]])], (0.0, 100.0), (-2.0, 102.0)),
        ([row("steady", "Time", "min", 5.0), row("steady", "Time", "max", 105.0)], None, (3.0, 107.0)),
        ([row("steady", "Time:CD3", "shape", [[0.0, 1.0], [50.0, 2e5], [25.0, 9.0]])], None, (-1.0, 51.0)),
        ([row("steady", "CD3:Time", "shape", [[1.0, 0.0], [2e5, 50.0], [9.0, 25.0]])], None, (-1.0, 51.0)),
        ([row("steady", "Time", "shape", [[7.0, 7.0]])], None, (6.0, 8.0)),
        ([row("steady", "Time:CD3", "shape", [[0.0, 1.0], [50.0, 2e5]])], (0.0, 1000.0), (-20.0, 1020.0)),
    ],
)
def test_time_is_seen_as_far_as_gates_and_acquisition_go(
    rows: list[dict[str, Any]], acquired: tuple[float, float] | None, expected: tuple[float, float]
) -> None:
    (plan,) = grid_plans(strategy(rule("steady", "Time")), rows, AXES, acquired=acquired)
    assert {plan.x.marker: plan.x_range, plan.y.marker: plan.y_range}["Time"] == pytest.approx(expected)


# --- from whole arrays


def columns(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    dim = np.where(rng.random(n) < 0.4, rng.normal(0, 200, n), rng.lognormal(8.5, 0.5, n))
    return {"CD3": dim, "CD4": rng.normal(0, 300, n), "SSC-A": rng.normal(40_000, 20_000, n)}


def test_grids_of_whole_arrays_are_histograms_on_the_gates_scale(make_tube: Callable[..., Tube]) -> None:
    """As numpy counts them after the scale's own arithmetic, but for events on the border of two bins."""
    tube = make_tube(columns(20_000))
    parent = np.arange(20_000) % 3 > 0
    inside = parent & (tube.linear("CD3") >= 1000.0)
    bound = Bound("CD3", "min", 1000.0)
    steps = [GatedStep(rule("cd3", "CD3"), (bound,), parent, inside)]
    (grid,) = grids_from_arrays(tube, steps, grid_plans(strategy(rule("cd3", "CD3")), [row("cd3", "CD3")], tube.axes))
    x = np.clip(tube.axes["CD3"].to_scale(tube.linear("CD3")), 0.0, 1.0)
    y = np.clip(tube.linear("SSC-A"), *WHOLE_SCATTER)
    for counts, members in ((grid.parent, parent), (grid.inside, inside)):
        span = ((0.0, 1.0), WHOLE_SCATTER)
        numpys = np.histogram2d(x[members], y[members], bins=BINS, range=span)[0]
        moved = np.abs(counts - numpys).sum() / 2
        print(f"{members.sum()} events, {moved:g} in a bin beside")
        assert moved <= 4
    assert (grid.n_parent, grid.n_inside) == (int(parent.sum()), int(inside.sum()))
    assert grid.bounds == (bound,)


def test_step_without_bounds_and_plan_without_step_have_no_grid(make_tube: Callable[..., Tube]) -> None:
    tube = make_tube(columns(50))
    everything = np.ones(50, dtype=bool)
    rules = strategy(rule("cd3", "CD3"), rule("cd4", "CD4"))
    plans = grid_plans(rules, [row("cd3", "CD3"), row("cd4", "CD4")], tube.axes)
    steps = [GatedStep(rule("cd3", "CD3"), (), everything, everything)]
    assert len(plans) == 2
    assert grids_from_arrays(tube, steps, plans) == []


# --- files


def busy_grid(name: str, seed: int, *, n: int = 100_000, bounds: tuple[Bound, ...] = ()) -> GateGrid:
    """A cloud over a third of the plane, half of it inside."""
    rng = np.random.default_rng(seed)
    counter = GridCounter(GridPlan(name, CD3, SCATTER, (-0.05, 1.0), WHOLE_SCATTER))
    x, y = (np.clip(rng.normal(48, 12, n), 0, BINS - 1).astype(np.uint8) for _ in range(2))
    counter.add(x, y, x + y > BINS)
    return counter.grid(bounds)


def assert_same(one: GateGrid, other: GateGrid) -> None:
    for field in dataclasses.fields(GateGrid):
        before, after = getattr(one, field.name), getattr(other, field.name)
        same = np.array_equal(before, after) if field.name in ("parent", "inside") else before == after
        assert same, field.name
    assert other.parent.dtype == other.inside.dtype == np.uint32


def test_grids_come_back_as_they_were_written(tmp_path: Path) -> None:
    corners = Bound("CD3:SSC-A", "shape", None, ((1.5, -2.25), (1e5, 3.0), (40.0, 2.5e5)))
    grids = [busy_grid("cd3", 1), busy_grid("Τreg <&\"'>", 2, bounds=(corners, Bound("CD3", "min", 1234.5)))]
    grids += [GridCounter(GridPlan("empty", CD4, CD4, (0.0, 1.0), (0.0, 1.0))).grid()]
    full = np.zeros((BINS, BINS), dtype=np.uint32)
    full[95, 95] = 4_000_000_000
    grids += [dataclasses.replace(grids[2], parent=full, inside=full, n_parent=4_000_000_000, n_inside=4_000_000_000)]
    write_grids(tmp_path / "new/folder/s.npz", grids)
    back = read_grids(tmp_path / "new/folder/s.npz")
    assert len(back) == 4
    for one, other in zip(grids, back, strict=True):
        assert_same(one, other)


def test_file_without_gates_has_an_archive_without_grids(tmp_path: Path) -> None:
    write_grids(tmp_path / "s.npz", [])
    assert read_grids(tmp_path / "s.npz") == []


def test_same_grids_same_bytes_and_a_small_file(tmp_path: Path) -> None:
    grids = [busy_grid(f"gate{number}", number) for number in range(13)]
    for name in ("one.npz", "two.npz"):
        write_grids(tmp_path / name, grids)
    one, two = ((tmp_path / name).read_bytes() for name in ("one.npz", "two.npz"))
    print(f"13 gates of 100,000 events: {len(one)} bytes")
    assert one == two
    assert len(one) < 100_000
    with zipfile.ZipFile(tmp_path / "one.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_numpy_reads_the_archive_without_pickle(tmp_path: Path) -> None:
    write_grids(tmp_path / "s.npz", [busy_grid("cd3", 1)])
    with np.load(tmp_path / "s.npz", allow_pickle=False) as archive:
        assert int(archive["outside"].sum()) + int(archive["inside"].sum()) == 100_000
        assert json.loads(archive["about.json"])[0]["population"] == "cd3"


def archive_with(path: Path, **changes: bytes | None) -> None:
    """A good archive of one grid, some of its members changed or left out."""
    write_grids(path, [busy_grid("cd3", 1, n=100)])
    with zipfile.ZipFile(path) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | {key.replace("_", "."): value for key, value in changes.items()}).items():
            if content is not None:
                archive.writestr(name, content)


def pickled_array() -> bytes:
    """What numpy would run code to read."""
    return b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128) + pickle.dumps(
        [1]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"about_json": None},
        {"about_json": b"not JSON"},
        {"about_json": b'[{"population": "cd3"}]'},
        {"about_json": b"[7]"},
        {"where_npy": None},
        {"where_npy": b"not an array"},
        {"where_npy": pickled_array()},
    ],
)
def test_archive_that_is_none_of_ours(tmp_path: Path, changes: dict[str, bytes | None]) -> None:
    archive_with(tmp_path / "s.npz", **changes)
    with pytest.raises(CytotrialError, match="no density grids"):
        read_grids(tmp_path / "s.npz")


@pytest.mark.parametrize("damage", ["absent", "empty", "text", "cut", "bytes in the middle", "packing"])
def test_file_that_is_no_archive_or_a_damaged_one(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "s.npz"
    write_grids(path, [busy_grid("cd3", 1)])
    whole = path.read_bytes()
    middle = whole[:1500] + bytes(100) + whole[1600:]
    packed = whole.index(b"where.npy") + len(b"where.npy")
    packing = whole[:packed] + b"\xff" + whole[packed + 1 :]
    content = {"text": b"text", "cut": whole[:2000], "bytes in the middle": middle, "packing": packing}
    path.write_bytes(content.get(damage, b""))
    if damage == "absent":
        path.unlink()
    with pytest.raises(CytotrialError, match=r"s\.npz: found no density grids .* run it again"):
        read_grids(path)


def test_grids_need_little(run_python: Callable[..., Any]) -> None:
    """The engine counts and the pictures are drawn without what finds gates or applies them."""
    program = (
        "import sys\nimport cytotrial.gating.grids\n"
        "print([name for name in ('flowkit', 'flowio', 'pandas', 'scipy', 'matplotlib', 'jinja2', "
        "'cytotrial.gating.placing') if name in sys.modules])"
    )
    done = run_python(program)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
