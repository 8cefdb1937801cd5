"""Density grids: how many events of each gate's parent, and of those inside, lie where; all that a picture needs."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.scale_table import scale_table
from cytotrial.errors import CytotrialError, problem
from cytotrial.gating.landmarks import Bound
from cytotrial.gating.strategy import ROOT, Strategy

if TYPE_CHECKING:  # they import what places gates, and a picture needs none of it
    from cytotrial.cytometry.tube import Tube
    from cytotrial.gating.membership import GatedStep

Row = Mapping[str, Any]
Ranges = Mapping[str, tuple[float, float]]
BINS = 96
TIME = "Time"
NEAR = 8.0  # a shape below this part of a scatter axis is seen on half the axis, or half of that
USUAL_TOP = 2.0**18
ROOM = 0.02  # beyond a linear axis' end, so that a gate that lies there is seen
# Of a scale's top, how far below zero the picture begins at least: an asinh without negative decades has 0 at 0, and
# half of the negative cells below it.
BELOW_ZERO = 1e-3
ABOUT = "about.json"
DIGITS = 7  # of a corner's coordinates: a picture has three


@dataclass(frozen=True)
class GridPlan:
    """What is to be counted for one gate: its population, two axes, and the ranges on the axes' own scales."""

    population: str
    x: Axis
    y: Axis
    x_range: tuple[float, float]
    y_range: tuple[float, float]


@dataclass(frozen=True)
class GateGrid:
    """Where the events of one gate's parent lie, and those inside it.

    Attributes
    ----------
    x_range, y_range : tuple of float
        In units of the gate's scale. Events beyond lie in the outermost bins.
    parent, inside : ndarray of uint32, shape (BINS, BINS)
        Events per bin, x first.
    n_parent, n_inside : int
        Events in all.
    bounds : tuple of Bound
        Where the gate lies (linear), of a strategy that people drew: their edges are straight on other scales than
        these, and have more points here than in the ledger. Empty where the ledger says it all.
    """

    population: str
    x: Axis
    y: Axis
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    parent: np.ndarray = field(repr=False)
    inside: np.ndarray = field(repr=False)
    n_parent: int
    n_inside: int
    bounds: tuple[Bound, ...] = ()


class GridCounter:
    """One gate's grid while its events come in, block by block."""

    def __init__(self, plan: GridPlan) -> None:
        self.plan = plan
        self._counts = np.zeros(2 * BINS * BINS, dtype=np.int64)

    def add(self, x_bins: np.ndarray, y_bins: np.ndarray, inside: np.ndarray) -> None:
        """Count some events of the gate's parent.

        Parameters
        ----------
        x_bins, y_bins : ndarray of int, shape (n,)
            As `bins` gives them.
        inside : ndarray of bool, shape (n,)
            Which of them the gate keeps.
        """
        # Both counts from one pass: bins of two halves, those outside and those inside.
        place = x_bins.astype(np.uint16)
        place *= BINS
        place += y_bins
        place *= 2
        place += inside
        self._counts += np.bincount(place, minlength=len(self._counts))

    def grid(self, bounds: tuple[Bound, ...] = ()) -> GateGrid:
        """What has been counted so far."""
        outside, inside = self._counts.reshape(BINS, BINS, 2).transpose(2, 0, 1)
        return _grid(self.plan, outside, inside, bounds)


def _grid(plan: GridPlan, outside: np.ndarray, inside: np.ndarray, bounds: tuple[Bound, ...]) -> GateGrid:
    n_inside = int(inside.sum())
    return GateGrid(
        plan.population,
        plan.x,
        plan.y,
        plan.x_range,
        plan.y_range,
        (outside + inside).astype(np.uint32),
        inside.astype(np.uint32),
        int(outside.sum()) + n_inside,
        n_inside,
        bounds,
    )


def bins(axis: Axis, low: float, high: float, linear_values: np.ndarray) -> np.ndarray:
    """Each event's bin along one axis; those beyond the range are in the first and the last.

    Parameters
    ----------
    low, high : float
        The range, in units of the axis' scale.
    linear_values : ndarray, shape (n,)
        Linear, compensated; finite.

    Returns
    -------
    ndarray of uint8, shape (n,)
        0 to BINS - 1. Within `scale_table.LARGEST_ERROR` of the scale's own bins: for pictures, never for counts.
    """
    steps = BINS / (high - low)
    scaled = np.multiply(linear_values if axis.is_linear else scale_table(axis).nearly(linear_values), steps)
    scaled -= low * steps
    np.clip(scaled, 0, BINS - 1, out=scaled)
    return scaled.astype(np.uint8)


def grid_plans(
    strategy: Strategy,
    gates: Sequence[Row],
    axes: Mapping[str, Axis],
    *,
    acquired: tuple[float, float] | None = None,
) -> list[GridPlan]:
    """What to count for a file's pictures: one plan per gated population that has an outline, in the strategy's order.

    Ranges do not follow the events, so that the pictures of two files compare: fluorescence is seen on its whole scale,
    scatter up to its top, time as long as it was acquired or gated.

    Parameters
    ----------
    gates : sequence of rows
        The file's rows of the ledger (columns.GATES, numbers as numbers).
    axes : mapping of str to Axis
        Every marker of the file.
    acquired : tuple of float, optional
        The file's first and last time in seconds: without it, what was left out at either end is not seen.
    """
    whole = {marker: _range(axis) for marker, axis in axes.items()}
    if TIME in axes:
        whole[TIME] = _time_range(gates, acquired)
    reached = {ROOT: whole}  # populations that are counted, and the ranges that their events are seen in
    sides: dict[frozenset[str], tuple[str, str]] = {}
    plans = []
    for rule in strategy.rules:
        rows = [row for row in gates if row["population"] == rule.id]
        if rule.parent not in reached or not (rows or rule.may_be_skipped):
            continue
        ranges = reached[rule.id] = _nearer(reached[rule.parent], rows, axes)
        own = list(dict.fromkeys(part for row in rows for part in str(row["marker"] or "").split(":")))
        if not own or not axes.keys() >= set(own):
            continue  # no outline: drawn on a ratio of channels, or a Boolean gate
        # Rows are sorted by name; the strategy says which marker goes first.
        own.sort(key=lambda marker, order=rule.markers: order.index(marker) if marker in order else len(order))
        pair = _pair(own, axes)
        x, y = sides.setdefault(frozenset(pair), pair)  # gates on the same two markers are seen from the same side
        plans.append(GridPlan(rule.id, axes[x], axes[y], ranges[x], ranges[y]))
    return plans


def _nearer(ranges: Ranges, rows: Sequence[Row], axes: Mapping[str, Axis]) -> Ranges:
    """The ranges for a gate and all below it: nearer on the scatter axes where its shape lies close to zero.

    Some laboratories run side scatter so low that lymphocytes lie in the first hundredth of its range. Halves keep the
    files of an instrument together, and leave room for cells of four times the lymphocytes' scatter.
    """
    found = dict(ranges)
    for row in rows:
        markers = str(row["marker"] or "").split(":")
        if not row["coordinates"] or len(markers) != 2 or not axes.keys() >= set(markers):
            continue
        for marker, values in zip(markers, zip(*json.loads(row["coordinates"]), strict=True), strict=True):
            if axes[marker].is_linear and marker != TIME:
                low, high = found[marker]
                while 0 < max(values) <= high / NEAR:
                    high /= 2
                found[marker] = (low, high)
    return found


def _pair(own: Sequence[str], axes: Mapping[str, Axis]) -> tuple[str, str]:
    """A gate's first two markers; for a gate on one, side scatter or what else the file has, at worst itself."""
    if len(own) > 1:
        return own[0], own[1]
    others = ["FSC-A" if own[0] == TIME else "SSC-A", *axes]
    return own[0], next((marker for marker in others if marker in axes and marker not in (own[0], TIME)), own[0])


def _range(axis: Axis) -> tuple[float, float]:
    if not axis.is_linear:
        return min(0.0, float(axis.to_scale(-BELOW_ZERO * axis.top))), 1.0
    top = axis.top if 0 < axis.top < math.inf else USUAL_TOP  # a scatter channel's $PnR is nowhere checked
    return 0.0, (1 + ROOM) * top


def _time_range(gates: Sequence[Row], acquired: tuple[float, float] | None) -> tuple[float, float]:
    """From the first to the last time that some gate of the file or its acquisition names, with some room."""
    times = [float(time) for time in acquired or ()]
    for row in gates:
        markers = str(row["marker"] or "").split(":")
        if TIME not in markers:
            continue
        if row["threshold_linear"] is not None:
            times.append(float(row["threshold_linear"]))
        for point in json.loads(row["coordinates"] or "[]"):
            times += point if len(markers) == 1 else [point[markers.index(TIME)]]
    first, last = min(times, default=0.0), max(times, default=0.0)
    room = ROOM * (last - first) or 1.0
    return first - room, last + room


def grids_from_arrays(tube: Tube, steps: Sequence[GatedStep], plans: Sequence[GridPlan]) -> list[GateGrid]:
    """The grids of a file whose gates were applied to all its events at once, as those of drawn strategies are.

    Parameters
    ----------
    steps : sequence of GatedStep
        As `membership.agreed_steps` gives them; those without bounds have no outline and no grid.
    """
    by_id = {step.rule.id: step for step in steps if step.bounds}
    binned: dict[tuple[str, tuple[float, float]], np.ndarray] = {}
    grids = []
    for plan in plans:
        step = by_id.get(plan.population)
        if step is None:
            continue
        for axis, span in ((plan.x, plan.x_range), (plan.y, plan.y_range)):
            if (axis.marker, span) not in binned:
                binned[axis.marker, span] = bins(axis, *span, tube.linear(axis.marker))
        counter = GridCounter(plan)
        x, y = binned[plan.x.marker, plan.x_range], binned[plan.y.marker, plan.y_range]
        counter.add(x[step.parent], y[step.parent], step.inside[step.parent])
        grids.append(counter.grid(step.bounds))
    return grids


def write_grids(path: Path, grids: Sequence[GateGrid]) -> None:
    """Write a file's grids as one archive of arrays: same grids, same bytes.

    Notes
    -----
    Only bins with events are kept, all grids in one row: where (the grid's flat index, x first), how many events
    outside the gate, how many inside. ``about.json`` says which grid is how long, and all else.
    """
    where, outside, inside = [], [], []
    for one in grids:
        cells = np.flatnonzero(one.parent)
        within = one.inside.ravel()[cells]
        where.append(cells)
        outside.append(one.parent.ravel()[cells] - within)
        inside.append(within)
    about = [_about(one, len(cells)) for one, cells in zip(grids, where, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        _put(archive, ABOUT, json.dumps(about, separators=(",", ":")).encode())
        for name, parts in (("where", where), ("outside", outside), ("inside", inside)):
            values = np.concatenate([np.zeros(0, dtype=np.uint32), *parts])
            packed = BytesIO()
            np.save(packed, values.astype(np.min_scalar_type(values.max(initial=0))), allow_pickle=False)
            _put(archive, f"{name}.npy", packed.getvalue())


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name)  # dated 1980: same grids, same bytes
    entry.create_system, entry.external_attr = 3, 0o644 << 16  # as Unix writes it, on any machine
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=1)


def _about(grid: GateGrid, n_cells: int) -> dict[str, Any]:
    said = {key: getattr(grid, key) for key in ("population", "x_range", "y_range", "n_parent", "n_inside")}
    bounds = [
        {**asdict(bound), "coordinates": bound.coordinates and [[_short(x), _short(y)] for x, y in bound.coordinates]}
        for bound in grid.bounds
    ]
    return {**said, "x": asdict(grid.x), "y": asdict(grid.y), "n_cells": n_cells, "bounds": bounds}


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def read_grids(path: Path) -> list[GateGrid]:
    """A file's grids, as `write_grids` left them.

    Raises
    ------
    CytotrialError
        There is no such file, or it is none of ours.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read(ABOUT))
            arrays = [_array(archive, name) for name in ("where", "outside", "inside")]
        return list(_grids(about, *arrays))
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, TypeError, ValueError, IndexError) as error:
        found, expected = f"no density grids ({error})", "an archive of apply-gates"
        raise CytotrialError(problem(str(path), found=found, expected=expected, remedy="run it again")) from error


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    return np.load(BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)


def _grids(about: list[dict[str, Any]], where: np.ndarray, *counts: np.ndarray) -> Iterator[GateGrid]:
    start = 0
    for said in about:
        cells = slice(start, start := start + said["n_cells"])
        dense = np.zeros((2, BINS * BINS), dtype=np.uint32)
        for one, values in zip(dense, counts, strict=True):
            one[where[cells]] = values[cells]
        outside, inside = dense.reshape(2, BINS, BINS)
        plan = GridPlan(
            said["population"],
            Axis(**said["x"]),
            Axis(**said["y"]),
            tuple(said["x_range"]),
            tuple(said["y_range"]),
        )
        yield _grid(plan, outside, inside, tuple(_bound(one) for one in said["bounds"]))


def _bound(said: dict[str, Any]) -> Bound:
    corners = said["coordinates"]
    return Bound(**{**said, "coordinates": corners and tuple((x, y) for x, y in corners)})
