"""Write FCS 2.0, 3.0 and 3.1: either byte order, 32-bit floats or integers.

FlowIO's writer makes little-endian FCS 3.1 of floats and nothing else; hence these few lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from cytotrial.simulate.form import FACSDIVA, FileForm

DELIMITER = "\x0c"  # form feed, as FACSDiva uses
TEXT_START = 58
LARGEST_IN_HEADER = 99_999_999
BITS = "32"
BYTE_ORDER_KEYWORD = {"big": "4,3,2,1", "little": "1,2,3,4"}
BYTE_ORDER_CODE = {"big": ">", "little": "<"}
LARGEST_RANGE = 2 ** int(BITS)


def write_fcs(path: Path, events: np.ndarray, *, keywords: Mapping[str, str], form: FileForm = FACSDIVA) -> int:
    """Write one FCS file and return its size in bytes.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    events : ndarray, shape (n, parameters)
        As the file shall hold them: linear, Time in ticks. Integer data are clipped and rounded: see `FileForm`.
    keywords : mapping
        Everything but the offsets, ``$TOT``, ``$PAR``, ``$BYTEORD``, ``$DATATYPE``, ``$MODE`` and ``$NEXTDATA``, which
        follow from `events` and `form`. ``$PnN``, ``$PnB`` (32), ``$PnE`` and ``$PnR`` of every parameter are needed.
    form : FileForm
        Version, byte order and data type; its other fields are the business of whoever makes the keywords.

    Raises
    ------
    ValueError
        The keywords do not fit the events or the form, the version cannot hold a keyword or so much data, or an
        integer file would have to hold what is not a number. No file is written then.
    OSError
        The file cannot be written; what is there of it is no whole FCS file.

    Notes
    -----
    ``$BEGINDATA`` and ``$ENDDATA`` stand in FCS 2.0 too: the version knows the header's offsets only, FACSDiva's files
    of that version have them all the same. A tube without events ends one byte before it begins; only so can FlowIO
    open it. Text is ASCII, in 3.1 values may be UTF-8.
    """
    _check_keywords(keywords, events.shape[1])
    data = _stored(events, keywords, form)
    text = _text_segment(keywords, data, form)
    start = TEXT_START + len(text)
    header = _header(start, start + data.nbytes - 1, form)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(header + text)
        stream.write(data.data)  # its own memory: no copy
    return start + data.nbytes


def spill_keyword_value(matrix: np.ndarray, detectors: tuple[str, ...]) -> str:
    """The value of a spillover keyword: number of detectors, their names, the matrix row by row.

    Parameters
    ----------
    matrix : ndarray, shape (detectors, detectors)
        Row spills into column, diagonal 1.
    detectors : tuple of str
        ``$PnN`` of rows and columns.

    Raises
    ------
    ValueError
        The matrix has another shape, or a name holds a comma, which separates the names.

    Examples
    --------
    >>> spill_keyword_value(np.array([[1.0, 0.25], [0.5, 1.0]]), ("FITC-A", "PE-A"))
    '2,FITC-A,PE-A,1.0,0.25,0.5,1.0'
    """
    values = np.asarray(matrix, dtype=float)
    if values.shape != (len(detectors), len(detectors)):
        raise ValueError(f"spillover: found a matrix of {values.shape}, expected one row and column per {detectors}")
    if any("," in name for name in detectors):
        raise ValueError(f"spillover: found a comma among the names {detectors}, expected none")
    return ",".join([str(len(detectors)), *detectors, *(repr(value) for value in values.ravel().tolist())])


def _check_keywords(keywords: Mapping[str, str], n_parameters: int) -> None:
    ours = sorted(set(keywords) & {*_required(0, 0, FACSDIVA), "$BEGINDATA", "$ENDDATA"})
    if ours:
        raise ValueError(f"keywords: found {ours}, which follow from the events and the form; leave them out")
    wanted = [f"$P{number}{letter}" for number in range(1, n_parameters + 1) for letter in "NBER"]
    missing = [key for key in wanted if key not in keywords]
    if missing:
        raise ValueError(f"keywords: found no {', '.join(missing)}, expected them for {n_parameters} parameters")
    if f"$P{n_parameters + 1}N" in keywords:
        raise ValueError(f"keywords: found $P{n_parameters + 1}N, expected {n_parameters} parameters as in the events")
    widths = {keywords[f"$P{number}B"] for number in range(1, n_parameters + 1)}
    if widths != {BITS}:
        raise ValueError(f"$PnB: found {sorted(widths)}, expected {BITS}")


def _stored(events: np.ndarray, keywords: Mapping[str, str], form: FileForm) -> np.ndarray:
    """The data segment as an array, in the file's type and byte order; the events themselves where they are that."""
    order = BYTE_ORDER_CODE[form.byte_order]
    if form.data_type == "F":
        return np.ascontiguousarray(events, dtype=f"{order}f4")
    if np.isnan(events).any():
        raise ValueError("events: found what is not a number, expected numbers in an integer file")
    tops = [top - 1 for top in _ranges(keywords, events.shape[1])]
    whole = np.clip(events, 0.0, np.array(tops, dtype=float), order="C")  # double: it holds every 32-bit integer
    return np.rint(whole, out=whole).astype(f"{order}u4")


def _ranges(keywords: Mapping[str, str], n_parameters: int) -> Iterator[int]:
    for number in range(1, n_parameters + 1):
        written = keywords[f"$P{number}R"]
        # FlowIO reads the range of integer data as a whole number, and masks the bits above it.
        if not (written.isdecimal() and 1 <= int(written) <= LARGEST_RANGE):
            raise ValueError(f"$P{number}R: found {written!r}, expected a whole number from 1 to {LARGEST_RANGE}")
        yield int(written)


def _header(start: int, end: int, form: FileForm) -> bytes:
    data = [start, end]
    if end > LARGEST_IN_HEADER:
        if form.version == "2.0":
            raise ValueError(f"FCS 2.0: found data up to byte {end}, expected at most {LARGEST_IN_HEADER}")
        data = [0, 0]  # the standard's way: readers then take $BEGINDATA and $ENDDATA
    offsets = [TEXT_START, start - 1, *data, 0, 0]
    return (f"FCS{form.version}    " + "".join(f"{offset:>8}" for offset in offsets)).encode("ascii")


def _text_segment(keywords: Mapping[str, str], data: np.ndarray, form: FileForm) -> bytes:
    """TEXT; DATA follows it at once. It holds the offsets that its own length changes, hence the loop."""
    rest = _encoded({**_required(*data.shape, form), **keywords}, form)
    text, start = b"", 0
    while start != TEXT_START + len(text):
        start = TEXT_START + len(text)
        offsets = {"$BEGINDATA": str(start), "$ENDDATA": str(start + data.nbytes - 1)}
        text = _encoded(offsets, form) + rest + DELIMITER.encode("ascii")
    return text


def _required(n_events: int, n_parameters: int, form: FileForm) -> dict[str, str]:
    return {
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$BYTEORD": BYTE_ORDER_KEYWORD[form.byte_order],
        "$DATATYPE": form.data_type,
        "$MODE": "L",
        "$NEXTDATA": "0",
        "$PAR": str(n_parameters),
        "$TOT": str(n_events),
    }


def _encoded(keywords: Mapping[str, str], form: FileForm) -> bytes:
    utf8 = form.version == "3.1"
    wrong = [key for key, value in keywords.items() if not (_fits(key) and _fits(value, utf8=utf8))]
    if wrong:
        words = "ASCII names, UTF-8 values" if utf8 else "ASCII"
        raise ValueError(
            f"FCS {form.version}: found {wrong}, expected {words}, not empty, without the delimiter at either end"
        )
    words = (word.replace(DELIMITER, DELIMITER * 2) for pair in keywords.items() for word in pair)
    return "".join(DELIMITER + word for word in words).encode("utf-8")


def _fits(word: str, *, utf8: bool = False) -> bool:
    """Whether TEXT can hold a word: at its end a doubled delimiter would not be told from the one that follows."""
    return bool(word) and (utf8 or word.isascii()) and DELIMITER not in (word[0], word[-1])
