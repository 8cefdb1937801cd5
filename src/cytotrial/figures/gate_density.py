"""A gate's density grid as a small palette PNG: its parent's events in greys, those inside in blues."""

from __future__ import annotations

import base64
import zlib
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image

from cytotrial.gating.grids import GateGrid

SHADES = 7  # of either colour: with white they are a palette of four bits
FAINTEST = 0.3  # events in a bin at which a colour would begin: a bin of one event is seen
# From few events to many; interpolated in between. Blues and greys differ in lightness alike, so that the two
# densities compare.
GREYS = ((226, 229, 233), (132, 140, 149), (24, 28, 33))
BLUES = ((203, 224, 243), (66, 146, 198), (8, 42, 98))


def density_image(grid: GateGrid) -> str:
    """The grid as a data URI of a PNG, one pixel per bin, y upward, clear where no event lies.

    Each colour is on a logarithmic scale up to its own fullest bin, so that 200 cells are seen as well as 200,000.
    """
    filled = grid.parent > 0
    shades = np.zeros(filled.shape, dtype=np.uint8)
    shades[filled] = _shades(grid.parent[filled])
    kept = grid.inside > 0
    shades[kept] = _shades(grid.inside[kept]) + SHADES
    picture = Image.fromarray(np.ascontiguousarray(shades.T[::-1]))
    picture.putpalette(_palette())
    packed = BytesIO()
    # Runs of one colour are all that there is to find: looking for more costs four times the time and finds nothing.
    picture.save(packed, "PNG", transparency=0, compress_level=6, compress_type=zlib.Z_RLE)
    return "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode("ascii")


def _shades(counts: np.ndarray) -> np.ndarray:
    """1 for few events to `SHADES` for the fullest bin, by equal steps of the logarithm."""
    span = max(int(counts.max(initial=0)), 2) / FAINTEST
    edges = FAINTEST * span ** (np.arange(1, SHADES) / SHADES)
    return np.searchsorted(edges, counts, side="right") + 1


@cache
def _palette() -> bytes:
    """White, greys, blues: three bytes each."""
    steps = np.linspace(0.0, 1.0, SHADES)
    ramps = [
        np.column_stack([np.interp(steps, (0.0, 0.5, 1.0), one) for one in zip(*ramp, strict=True)])
        for ramp in (GREYS, BLUES)
    ]
    return np.concatenate([[[255, 255, 255]], *ramps]).round().astype(np.uint8).tobytes()
