"""DATA of one FCS file: where it lies, how its numbers are stored, and a range of its events, straight from the file.

The layouts that instruments really write are read here: list mode, floats, doubles or unsigned integers of 8, 16 or 32
bits (also of different widths), little- or big-endian, and exactly as many bytes as the events need. Whatever else
there is is left to FlowIO, whose words then say what is wrong with it.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytotrial.cytometry.text_segment import TextSegment

BYTE_ORDERS = {"1,2,3,4": "<", "1,2": "<", "4,3,2,1": ">", "2,1": ">"}
FLOATS = {"f": "f4", "d": "f8"}
WIDTHS = (8, 16, 32)


@dataclass(frozen=True)
class Layout:
    """How the events are stored.

    Attributes
    ----------
    record : numpy.dtype
        One event in the file's byte order; its fields are the channels.
    dtype : numpy.dtype
        Of one value as handed out, in native byte order; unsigned 32 bits where the widths differ.
    masks : ndarray of `dtype`, shape (n_channels,), or None
        The bits of an integer that count: those of the power of two that is not below $PnR, as FlowIO has it.
    """

    record: np.dtype
    dtype: np.dtype
    masks: np.ndarray | None


class DataSegment:
    """A file's events, read on demand into memory that is used again.

    Attributes
    ----------
    off_by_one : bool
        Whether header and text give the segment one byte too many.
    """

    def __init__(self, text: TextSegment, layout: Layout, start: int, *, off_by_one: bool) -> None:
        self.n_events, self.n_channels = text.n_events, len(text.channels)
        self.dtype = layout.dtype
        self.off_by_one = off_by_one
        self._layout = layout
        self._start = start
        # Unbuffered: the operating system keeps the file's pages, and blocks are large.
        self._stream = text.path.open("rb", buffering=0)
        weakref.finalize(self, self._stream.close)
        self._bytes = np.empty(0, dtype=np.uint8)
        self._mixed = np.empty((0, self.n_channels), dtype=layout.dtype)

    def block(self, start: int, stop: int) -> np.ndarray:
        """Events `start` to `stop`, shape (rows, n_channels), native byte order; its memory is the next call's too.

        Raises
        ------
        OSError
            The file can no longer be read, or is shorter than it was.
        """
        record, size = self._layout.record, self._layout.record.itemsize
        raw = self._read(self._start + start * size, (stop - start) * size)
        if record.fields is not None:
            return self._one_width(raw.view(record))
        block = raw.view(record.base).reshape(-1, self.n_channels)
        if not record.base.isnative:
            block = block.byteswap(inplace=True).view(self.dtype)
        if self._layout.masks is not None:
            block &= self._layout.masks
        return block

    def _read(self, offset: int, n_bytes: int) -> np.ndarray:
        if len(self._bytes) < n_bytes:
            self._bytes = np.empty(n_bytes, dtype=np.uint8)
        wanted = self._bytes[:n_bytes]
        self._stream.seek(offset)
        done = 0
        while done < n_bytes:  # one call reads 2 GB at most
            got = self._stream.readinto(wanted[done:])
            if not got:
                raise OSError(f"{self._stream.name}: ends {n_bytes - done} bytes before its data segment does")
            done += got
        return wanted

    def _one_width(self, records: np.ndarray) -> np.ndarray:
        if len(self._mixed) < len(records):
            self._mixed = np.empty((len(records), self.n_channels), dtype=self.dtype)
        block = self._mixed[: len(records)]
        for column, name in enumerate(records.dtype.names):
            block[:, column] = records[name]
        if self._layout.masks is not None:
            block &= self._layout.masks
        return block


def find_data_segment(text: TextSegment) -> DataSegment | None:
    """The data segment, or None where FlowIO must read it."""
    data = text.data
    try:
        layout = _layout(data.text, len(text.channels))
        start, end = _offsets(data)
    except (KeyError, ValueError):  # a keyword is missing or no number
        return None
    if layout is None or not layout.record.itemsize:
        return None
    needed = text.n_events * layout.record.itemsize
    surplus = end - start + 1 - needed
    uniform = layout.record.fields is None
    off_by_one = surplus == 1 and uniform and layout.record.base.itemsize > 1
    if start <= 0 or not (surplus == 0 or off_by_one) or start + needed > data.file_size:
        return None
    return DataSegment(text, layout, start, off_by_one=off_by_one)


def _offsets(data: Any) -> tuple[int, int]:
    """First and last byte, from where FlowIO takes them: FCS 2.0 has them in the header only."""
    if data.version == "2.0":
        return data.header["data_start"], data.header["data_stop"]
    return int(data.text["begindata"]), int(data.text["enddata"])


def _layout(text: dict[str, str], n_channels: int) -> Layout | None:
    order = BYTE_ORDERS.get(text["byteord"])
    if order is None or text["mode"].upper() != "L":
        return None
    kind = text["datatype"].lower()
    if kind in FLOATS:
        word = np.dtype(order + FLOATS[kind])
        return Layout(np.dtype((word, (n_channels,))), word.newbyteorder("="), None)
    return _integer_layout(text, n_channels, order) if kind == "i" else None


def _integer_layout(text: dict[str, str], n_channels: int, order: str) -> Layout | None:
    numbers = range(1, n_channels + 1)
    widths = [int(text[f"p{number}b"]) for number in numbers]
    ranges = [int(text[f"p{number}r"]) for number in numbers]
    if not set(widths) <= set(WIDTHS) or min(ranges) < 0:
        return None
    powers = [1 << (top - 1).bit_length() if top else 1 for top in ranges]
    dtype = np.dtype(f"u{max(widths) // 8}")
    masks = None
    if any(2**width > power for width, power in zip(widths, powers, strict=True)):
        if max(powers) > 2 ** max(widths):  # no mask of that width: FlowIO refuses it
            return None
        masks = np.array([power - 1 for power in powers], dtype=dtype)
    if len(set(widths)) == 1:
        return Layout(np.dtype((dtype.newbyteorder(order), (n_channels,))), dtype, masks)
    fields = [(f"p{number}", f"{order}u{width // 8}") for number, width in zip(numbers, widths, strict=True)]
    return Layout(np.dtype(fields), dtype, masks)
