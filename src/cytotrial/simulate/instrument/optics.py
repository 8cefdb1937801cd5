"""Detectors: spillover, photons counted before the gain, electronic noise after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

TOP = 262143.0  # the highest value an 18-bit FACSDiva channel holds; there is no lower limit


@dataclass(frozen=True)
class Detector:
    """A fluorescence channel.

    Attributes
    ----------
    name : str
        ``$PnN``.
    markers : tuple of str
        Whose dye it is there for.
    dye : str
        The dye's usual name.
    autofluorescence : float
        Median light of an unstained lymphocyte here, linear.
    noise : float
        Electronic noise, SD, linear.
    photoelectrons : float
        Counted per unit of the linear scale at gain 1: what decides the spread.
    voltage : int
    donor : str
        The channel into which the dye shines more as it falls apart (tandem dyes); empty for others.
    """

    name: str
    markers: tuple[str, ...]
    dye: str
    autofluorescence: float
    noise: float
    photoelectrons: float
    voltage: int
    donor: str = ""


def spillover_with_gain(spillover: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The matrix a compensation control would give once each detector's gain is as in `gain`.

    Row i is a dye, measured in units of its own detector: M[i, j] * gain[j] / gain[i], the diagonal stays 1.
    """
    return spillover * gain[None, :] / gain[:, None]


def detect(
    dyes: np.ndarray,
    *,
    glow: np.ndarray,
    stream: np.ndarray,
    spillover: np.ndarray,
    detectors: tuple[Detector, ...],
    gain: np.ndarray,
    baseline: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """What the detectors report: linear, uncompensated, not clipped, shape (detectors, n).

    Parameters
    ----------
    dyes : ndarray, shape (detectors, n)
        Light of the dye that each detector is there for.
    glow : ndarray, shape (n,)
        Factor on the detectors' autofluorescence, which no compensation removes.
    stream : ndarray, shape (n,)
        Factor on all light, where the stream misses the laser; 1 in a steady run.
    spillover : ndarray, shape (detectors, detectors)
        True spillover at gain 1, row spills into column.
    gain, baseline : ndarray, shape (detectors,)
        Factor after counting, and what the electronics add to zero.

    Notes
    -----
    Photons are counted before the gain and electronic noise N(0, noise^2) comes after it: a lower gain costs
    signal, not noise. The count's noise is Poisson's by its first three moments (Cornish and Fisher 1938,
    doi:10.2307/1400905): ``lambda + sqrt(lambda) z + (z^2 - 1) / 6``, good down to a few photons.
    """
    light = np.empty_like(dyes)
    for column, detector in enumerate(detectors):
        y = light[column]
        np.multiply(glow, detector.autofluorescence, out=y)
        for row in np.flatnonzero(spillover[:, column]):  # not BLAS: its order of additions differs between machines
            y += dyes[row] * spillover[row, column]
        y *= stream
    for column, detector in enumerate(detectors):
        photons = light[column]
        photons *= detector.photoelectrons
        z = random.standard_normal(len(photons))
        photons += np.sqrt(photons) * z + (z * z - 1.0) / 6.0
        photons *= gain[column] / detector.photoelectrons
        photons += baseline[column] + detector.noise * random.standard_normal(len(photons))
    return light


def factors(names: tuple[str, ...], by_name: Mapping[str, float]) -> np.ndarray:
    """One factor per channel name, 1 where `by_name` does not name it.

    Raises
    ------
    ValueError
        `by_name` names a channel that is not there, or a factor is not positive.
    """
    wrong = {name: factor for name, factor in by_name.items() if name not in names or factor <= 0}
    if wrong:
        raise ValueError(f"gain of unknown channels, or not positive: {wrong}; channels: {names}")
    return np.array([by_name.get(name, 1.0) for name in names], dtype=float)
