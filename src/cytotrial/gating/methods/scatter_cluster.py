"""Method `scatter_cluster`: the lymphocytes' cluster in forward and side scatter, as a polygon."""

from __future__ import annotations

import numpy as np

from cytotrial.cytometry.quantiles import picked
from cytotrial.gating.arguments import ScatterCluster
from cytotrial.gating.density import clear_density, valley_in
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.numerics import chi_squared_of_four, highest_around, smoothed_in_two, within_ellipse
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.scatter_cells import CellCounts, Cells, ScatterPlane, is_covariance

LEAST_EVENTS = 200
CORE = 0.80  # share of a Gaussian cluster used to refit it: the rim belongs to the neighbours too
ROUNDS, SETTLED = 40, 1e-3
OVERSHOOT = 1.5  # every round takes the spread some half of the way to where it ends
VERTICES = 40
# A lymphocyte cluster's SD in log10 scatter lies in these bounds on any instrument we know of (0.04 to
# 0.13); outside them the fit has caught something else. General knowledge, kept wide.
NARROWEST, WIDEST = 0.015, 0.20
FARTHEST = 0.15  # decades from the seeds' middle: T cells lie in the midst of the lymphocytes, monocytes 0.4 away
REACH = 0.5  # decades around the seeds' middle: no cluster of that width has its core farther out
NEAR = 0.12  # decades around the densest place: a few bright doublets or monocytes must not count


def place(events: ParentEvents, *, args: ScatterCluster) -> Landmark:
    """An ellipse on log10 scatter, given as a polygon of linear vertices.

    Notes
    -----
    The seed marker's bright cells (CD3: T cells) show where lymphocytes lie, as a person back-gates them;
    then the cluster is refitted to all events near it, whatever their markers, so that B and NK cells
    shape it too. Without a seed: the densest cluster of low side scatter that is not debris.
    """
    forward, side = events.markers
    x, y = events.linear(forward), events.linear(side)
    usable = (x > 0) & (y > 0)
    n_usable = int(np.count_nonzero(usable))
    if n_usable < LEAST_EVENTS:
        return not_found(f"{n_usable} events with positive scatter, fewer than {LEAST_EVENTS}")
    plane = ScatterPlane(picked(x, usable), picked(y, usable))
    everything = plane.counted()
    seeds, how = _seeds(events, plane, everything, usable, args)
    if seeds.n_events < LEAST_EVENTS // 2:
        return not_found(f"{seeds.n_events:.0f} events show where lymphocytes lie, fewer than {LEAST_EVENTS // 2}")
    try:
        centre, covariance = _fit(everything, seeds)
    except np.linalg.LinAlgError:
        return not_found("the events where lymphocytes lie have no spread")
    sds = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance), 0.0))
    moved = float(np.hypot(*(centre - seeds.median())))
    if not (sds[0] > NARROWEST / 2 and sds[1] < WIDEST and moved < FARTHEST):
        told = f"the cluster's log10 SDs are {sds[0]:.3f} and {sds[1]:.3f}, {moved:.2f} from where it was looked for"
        return not_found(f"{told}: no lymphocyte cluster")
    polygon = _ellipse(centre, covariance, within_ellipse(args.coverage))
    return Landmark(
        (Bound(f"{forward}:{side}", "shape", None, polygon),),
        f"cluster at {10 ** centre[0]:.0f}, {10 ** centre[1]:.0f} ({how}), coverage {args.coverage:g}",
        {forward: float(10 ** centre[0]), side: float(10 ** centre[1]), "extent": float(np.sqrt(np.prod(sds)))},
    )


def _seeds(
    events: ParentEvents, plane: ScatterPlane, everything: CellCounts, usable: np.ndarray, args: ScatterCluster
) -> tuple[Cells, str]:
    marker = args.seed_marker
    if marker and marker in events.tube.axes:
        scaled = events.scaled(marker)
        smooth = events.density(marker) if usable.all() else clear_density(picked(scaled, usable))
        found = valley_in(smooth, prominence=0.3, least_share=0.02)
        if found:
            bright = plane.counted(picked(scaled, usable) > found.at)
            counts, x, y = bright.histogram()
            i, j = np.unravel_index(np.argmax(smoothed_in_two(counts, 1.5)), counts.shape)
            return bright.near(x[i], y[j], NEAR), f"seeded by {marker}+ cells"
    return everything.near(*_densest_low_side_scatter(everything), NEAR), "densest cluster of low side scatter"


def _densest_low_side_scatter(everything: CellCounts) -> tuple[float, float]:
    counts, x, y = everything.histogram()
    per_forward = counts.sum(axis=1)
    largest = x[np.searchsorted(np.cumsum(per_forward), 0.95 * per_forward.sum())]
    counts = smoothed_in_two(counts, 1.5)
    peaks = np.argwhere((counts == highest_around(counts, 7)) & (counts > 0.1 * counts.max()))
    bodies = [(i, j) for i, j in peaks if x[i] > largest - 0.6] or [tuple(peaks[0])]
    i, j = min(bodies, key=lambda at: y[at[1]])
    return float(x[i]), float(y[j])


def _fit(everything: CellCounts, seeds: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the Gaussian whose core the events near the seeds make up (trimmed, iterated)."""
    limit = within_ellipse(CORE)
    # Covariance of a Gaussian cut off at `limit` is smaller by this factor (Croux & Haesbroeck 1999).
    shrink = chi_squared_of_four(limit) / CORE
    centre, covariance = seeds.median(), seeds.moments()[1]
    cells = everything.near(*centre, REACH)
    for _ in range(ROUNDS):
        core = cells.within(centre, covariance, limit)
        if core.n_events < LEAST_EVENTS // 4:
            break
        before, (centre, found) = centre, core.moments()
        step = found / shrink - covariance
        # The centre may stand still, seeds being in its middle, long before the spread is that of all cells.
        settled = np.abs(centre - before).max() < 1e-5 and np.abs(step).max() < SETTLED * np.trace(covariance)
        farther = covariance + OVERSHOOT * step
        covariance = farther if is_covariance(farther) else covariance + step
        if settled:
            break
    return centre, covariance


def _ellipse(centre: np.ndarray, covariance: np.ndarray, squared: float) -> tuple[tuple[float, float], ...]:
    angles = np.linspace(0.0, 2 * np.pi, VERTICES, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    rim = centre + np.sqrt(squared) * circle @ np.linalg.cholesky(covariance).T
    return tuple((float(a), float(b)) for a, b in 10.0**rim)
