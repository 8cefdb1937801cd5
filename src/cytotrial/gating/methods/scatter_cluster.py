"""Method `scatter_cluster`: the lymphocytes' cluster in forward and side scatter, as a polygon."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.stats import chi2

from cytotrial.gating.arguments import ScatterCluster
from cytotrial.gating.density import valley
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents

LEAST_EVENTS = 200
CORE = 0.80  # share of a Gaussian cluster used to refit it: the rim belongs to the neighbours too
ROUNDS = 25
VERTICES = 40
# A lymphocyte cluster's SD in log10 scatter lies in these bounds on any instrument we know of (0.04 to
# 0.13); outside them the fit has caught something else. General knowledge, kept wide.
NARROWEST, WIDEST = 0.015, 0.20


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
    if usable.sum() < LEAST_EVENTS:
        return not_found(f"{int(usable.sum())} events with positive scatter, fewer than {LEAST_EVENTS}")
    points = np.column_stack([np.log10(x[usable]), np.log10(y[usable])])
    seeds, how = _seeds(events, points, usable, args)
    if len(seeds) < LEAST_EVENTS // 2:
        return not_found(f"{len(seeds)} events show where lymphocytes lie, fewer than {LEAST_EVENTS // 2}")
    try:
        centre, covariance = _fit(points, seeds)
    except np.linalg.LinAlgError:
        return not_found("the events where lymphocytes lie have no spread")
    sds = np.sqrt(np.linalg.eigvalsh(covariance))
    if not (sds[0] > NARROWEST / 2 and sds[1] < WIDEST):
        return not_found(f"the cluster's log10 SDs are {sds[0]:.3f} and {sds[1]:.3f}: no lymphocyte cluster")
    polygon = _ellipse(centre, covariance, chi2.ppf(args.coverage, 2))
    return Landmark(
        (Bound(f"{forward}:{side}", "shape", None, polygon),),
        f"cluster at {10 ** centre[0]:.0f}, {10 ** centre[1]:.0f} ({how}), coverage {args.coverage:g}",
        {forward: float(10 ** centre[0]), side: float(10 ** centre[1]), "extent": float(np.sqrt(np.prod(sds)))},
    )


def _seeds(events: ParentEvents, points: np.ndarray, usable: np.ndarray, args: ScatterCluster) -> tuple:
    marker = args.seed_marker
    if marker and marker in events.tube.axes:
        values = events.scaled(marker)[usable]
        found = valley(values, prominence=0.3, least_share=0.02)
        if found:
            bright = points[values > found.at]
            return bright[_near_mode(bright)], f"seeded by {marker}+ cells"
    centre = _densest_low_side_scatter(points)
    near = np.linalg.norm(points - centre, axis=1) < 0.12
    return points[near], "densest cluster of low side scatter"


def _near_mode(points: np.ndarray) -> np.ndarray:
    """Within 0.12 decades of the points' densest place: a few bright doublets or monocytes must not count."""
    counts, (x, y) = _histogram(points)
    i, j = np.unravel_index(np.argmax(counts), counts.shape)
    return np.linalg.norm(points - np.array([x[i], y[j]]), axis=1) < 0.12


def _histogram(points: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    low, high = np.quantile(points, [0.001, 0.999], axis=0)
    bins = [np.arange(a - 0.1, b + 0.12, 0.02) for a, b in zip(low, high, strict=True)]
    counts, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=bins)
    return gaussian_filter(counts, 1.5), ((x[:-1] + x[1:]) / 2, (y[:-1] + y[1:]) / 2)


def _densest_low_side_scatter(points: np.ndarray) -> np.ndarray:
    counts, (x, y) = _histogram(points)
    peaks = np.argwhere((counts == maximum_filter(counts, size=7)) & (counts > 0.1 * counts.max()))
    largest = np.quantile(points[:, 0], 0.95)
    bodies = [(i, j) for i, j in peaks if x[i] > largest - 0.6] or [tuple(peaks[0])]
    i, j = min(bodies, key=lambda at: y[at[1]])
    return np.array([x[i], y[j]])


def _fit(points: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the Gaussian whose core the points near the seeds make up (trimmed, iterated)."""
    limit = chi2.ppf(CORE, 2)
    # Covariance of a Gaussian cut off at `limit` is smaller by this factor (Croux & Haesbroeck 1999).
    shrink = chi2.cdf(limit, 4) / CORE
    centre = np.median(seeds, axis=0)
    covariance = np.cov(seeds.T)
    for _ in range(ROUNDS):
        inside = _distance(points, centre, covariance) < limit
        if inside.sum() < LEAST_EVENTS // 4:
            break
        core = points[inside]
        moved = np.abs(core.mean(axis=0) - centre).max()
        centre, covariance = core.mean(axis=0), np.cov(core.T) / shrink
        if moved < 1e-5:
            break
    return centre, covariance


def _distance(points: np.ndarray, centre: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    away = points - centre
    return np.einsum("ij,ij->i", away @ np.linalg.inv(covariance), away)


def _ellipse(centre: np.ndarray, covariance: np.ndarray, squared: float) -> tuple[tuple[float, float], ...]:
    angles = np.linspace(0.0, 2 * np.pi, VERTICES, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    rim = centre + np.sqrt(squared) * circle @ np.linalg.cholesky(covariance).T
    return tuple((float(a), float(b)) for a, b in 10.0**rim)
