"""The scale on which fluorescence gates live, as the strategy asks for it. Light: no numpy here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """GatingML 2.0 logicle or asinh: width `w`, `m` decades, `a` negative decades.

    T, the top, is each channel's own linear range; on a range above 18 bits M is that much larger.
    `w` is the least width: a file whose negative values reach further gets a wider one (`tube`). A width
    of 1 keeps a negative population whole: with 0.5 the noise of compensated zero is spread over two peaks,
    and a valley is found where none is.
    Parks 2006, doi:10.1002/cyto.a.20258; Moore 2012, doi:10.1002/cyto.a.22030.
    """

    method: str = "logicle"
    w: float = 1.0
    m: float = 4.5
    a: float = 0.0
