"""Write FCS 3.0 as FACSDiva exports it: big-endian 32-bit floats, 18-bit range, SPILL.

FlowIO's writer makes little-endian FCS 3.1 and cannot say this; hence these few lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

DELIMITER = "\x0c"  # form feed, as FACSDiva uses
TEXT_START = 58
LARGEST_IN_HEADER = 99_999_999


def write_fcs(path: Path, events: np.ndarray, *, keywords: Mapping[str, str]) -> int:
    """Write one FCS 3.0 file and return its size in bytes.

    Parameters
    ----------
    path : Path
    events : ndarray, shape (n, parameters)
        Linear values; stored as ``>f4``.
    keywords : mapping
        Everything but the offsets, ``$TOT``, ``$PAR``, ``$BYTEORD``, ``$DATATYPE``, ``$MODE`` and
        ``$NEXTDATA``, which follow from `events`.

    Raises
    ------
    ValueError
        A keyword or a value is empty or not ASCII: FCS 3.0 cannot hold it.
    """
    data = np.ascontiguousarray(events, dtype=">f4")
    text, data_start = _text_segment(keywords, data)
    data_end = data_start + data.nbytes - 1 if data.nbytes else 0
    spans = [TEXT_START, TEXT_START + len(text) - 1, data_start, data_end]
    if data_end > LARGEST_IN_HEADER:
        spans[2:] = [0, 0]  # the standard's way: readers then take $BEGINDATA and $ENDDATA
    header = "FCS3.0    " + "".join(f"{offset:>8}" for offset in [*spans, 0, 0])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(header.encode("ascii"))
        stream.write(text)
        stream.write(data.tobytes())
    return TEXT_START + len(text) + data.nbytes


def spill_keyword(spillover: np.ndarray, detectors: tuple[str, ...]) -> str:
    """The value of ``SPILL``: number of detectors, their names, the matrix row by row."""
    values = (repr(float(value)) for value in np.asarray(spillover).ravel())
    return ",".join([str(len(detectors)), *detectors, *values])


def _text_segment(keywords: Mapping[str, str], data: np.ndarray) -> tuple[bytes, int]:
    """TEXT and where DATA starts; the text holds the offsets that its length changes, hence the loop."""
    required = {
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$BYTEORD": "4,3,2,1",
        "$DATATYPE": "F",
        "$MODE": "L",
        "$NEXTDATA": "0",
        "$PAR": str(data.shape[1]),
        "$TOT": str(data.shape[0]),
    }
    start, length = 0, -1
    while start != TEXT_START + length:
        start = TEXT_START + max(length, 0)
        end = start + data.nbytes - 1 if data.nbytes else 0
        offsets = {"$BEGINDATA": str(start), "$ENDDATA": str(end)}
        text = _encode({**offsets, **required, **keywords})
        length = len(text)
    return text, start


def _encode(keywords: Mapping[str, str]) -> bytes:
    wrong = [key for key, value in keywords.items() if not key or not value or not (key + value).isascii()]
    if wrong:
        raise ValueError(f"FCS keywords that are empty or not ASCII: {wrong}")
    words = (word.replace(DELIMITER, DELIMITER * 2) for pair in keywords.items() for word in pair)
    return (DELIMITER + DELIMITER.join(words) + DELIMITER).encode("ascii")
