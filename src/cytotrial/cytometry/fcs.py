"""FCS intake: FlowIO reads the events, fcsparser reads header and text as the independent second reader."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cytotrial.cytometry.compensation import KEYWORDS, Spillover, find_spillover


class UnreadableFcsError(Exception):
    """The file cannot be used; the text is its reason in `status.tsv`."""


@dataclass(frozen=True)
class Channel:
    """One channel of a file.

    Attributes
    ----------
    top : float
        The largest value its range allows, on the linear scale of `FcsFile.events` ($PnR after $PnE and $PnG).
    """

    index: int
    name: str
    label: str
    top: float


@dataclass(frozen=True)
class FcsFile:
    """A file that both readers agree on.

    Attributes
    ----------
    events : ndarray, shape (n_events, n_channels)
        Linear and uncompensated: gain, log amplification and the time step are undone.
    spillover, spillover_problem
        The file's own matrix, or why what it gives as one cannot be used; both None where it gives none.
    flags : tuple of str
        What was not as it should be, though the file can be used.
    data : flowio.FlowData
        FlowIO's own object, from which FlowKit makes its sample.
    """

    sha256: str
    version: str
    channels: tuple[Channel, ...]
    spillover: Spillover | None
    spillover_problem: str | None
    instrument: str | None
    acquired: str | None
    flags: tuple[str, ...]
    events: np.ndarray = field(repr=False)
    data: Any = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """``$PnN`` in the file's order."""
        return tuple(channel.name for channel in self.channels)


@dataclass(frozen=True)
class _Reading:
    """What one reader says of a file, in words that can be compared with the other's."""

    n_events: int
    names: tuple[str, ...]
    ranges: tuple[float, ...]
    spillover: str


def read_fcs(path: Path) -> FcsFile:
    """Read one FCS file with both readers.

    Raises
    ------
    UnreadableFcsError
        The file is missing, empty, broken, without events, or the two readers disagree on its events,
        parameters, names, ranges or spillover.
    """
    sha256 = _sha256(path)
    data, flags = _read_with_flowio(path)
    data.pnn_labels[:] = [name.strip() for name in data.pnn_labels]  # FlowKit looks channels up by these
    keywords = {f"${key}".upper(): value for key, value in data.text.items()}
    first = _first_reading(data, keywords)
    try:
        meta = _read_with_fcsparser(path)
        second = _second_reading(meta)
    except Exception as error:  # noqa: BLE001 - a third-party parser on a stranger's bytes raises anything
        flags.append(f"the second reader (fcsparser) cannot read the header: {_one_line(error)}")
    else:
        _compare(first, second)
        keywords = {str(key).upper(): value for key, value in meta.items()}
    events = _events(data, first.n_events, flags)
    data.pnn_labels = list(first.names)  # FlowKit looks channels up by these; some instruments pad them
    spillover, spillover_problem = None, None
    try:
        spillover = find_spillover(_spill_keywords(data), first.names)
    except ValueError as error:  # matters only to a panel that wants the file's own matrix
        spillover_problem = str(error)
    return FcsFile(
        sha256=sha256,
        version=f"FCS{data.version}",
        channels=_channels(data),
        spillover=spillover,
        spillover_problem=spillover_problem,
        instrument=_text(keywords, "$CYT"),
        acquired=_text(keywords, "$DATE"),
        flags=tuple(flags),
        events=events,
        data=data,
    )


def _sha256(path: Path) -> str:
    if not path.exists():
        raise UnreadableFcsError(f"no such file: {path}")
    if path.is_dir():
        raise UnreadableFcsError(f"a folder, not a file: {path}")
    if path.stat().st_size == 0:
        raise UnreadableFcsError("the file is empty (0 bytes)")
    try:
        with path.open("rb") as stream:
            if not stream.read(3) == b"FCS":
                raise UnreadableFcsError("not an FCS file: it does not begin with 'FCS'")
            stream.seek(0)
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFcsError(f"it cannot be opened: {error.strerror}") from error


def _read_with_flowio(path: Path) -> tuple[Any, list[str]]:
    """FlowIO's reading; known vendors' offset errors are forgiven one by one, and each is flagged."""
    import flowio
    from flowio.exceptions import DataOffsetDiscrepancyError, MultipleDataSetsError

    flags: list[str] = []
    options: dict[str, bool] = {}
    for _ in range(3):
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                data = flowio.FlowData(str(path), **options)
            flags += sorted({f"FlowIO: {_one_line(warning.message)}" for warning in caught if not options})
            return data, flags
        except MultipleDataSetsError as error:
            raise UnreadableFcsError("several data sets in one file; export one per file") from error
        except DataOffsetDiscrepancyError as error:
            options["ignore_offset_discrepancy"] = True
            flags.append(f"header and text give different data offsets, text is believed ({_one_line(error)})")
        except Exception as error:
            if "off by 1" not in str(error) or "ignore_offset_error" in options:
                hint = " (truncated? copy it again)" if "greater than file size" in str(error) else ""
                why = "0 events" if _says_no_events(path) else f"FlowIO cannot read it: {_one_line(error)}{hint}"
                raise UnreadableFcsError(why) from error
            options["ignore_offset_error"] = True
            flags.append("the data segment's end is off by one byte (common on some instruments)")
    raise UnreadableFcsError("FlowIO cannot read it: " + "; ".join(flags))


def _says_no_events(path: Path) -> bool:
    """Whether $TOT is 0: instruments write all sorts of offsets for a data segment that is not there."""
    import flowio

    try:
        return flowio.FlowData(str(path), only_text=True, ignore_offset_discrepancy=True).event_count == 0
    except Exception:  # noqa: BLE001 - then it is not known
        return False


def _read_with_fcsparser(path: Path) -> Mapping[str, Any]:
    import fcsparser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fcsparser.parse(str(path), meta_data_only=True)


def _first_reading(data: Any, keywords: Mapping[str, str]) -> _Reading:
    named, n_parameters = sorted(data.channels), int(data.channel_count)
    if named != list(range(1, n_parameters + 1)):  # else a channel would be taken for its neighbour
        raise UnreadableFcsError(f"$PAR says {n_parameters} parameters, $PnN names numbers {named}")
    return _Reading(
        n_events=int(keywords["$TOT"]),
        names=tuple(data.pnn_labels),
        ranges=tuple(float(value) for value in data.pnr_values),
        spillover=_normal(next(iter(_spill_keywords(data).values()), "")),
    )


def _second_reading(meta: Mapping[str, Any]) -> _Reading:
    numbers = range(1, int(meta["$PAR"]) + 1)
    spill = next((meta[key] for key in KEYWORDS if key in meta), "")
    return _Reading(
        n_events=int(meta["$TOT"]),
        names=tuple(str(meta[f"$P{n}N"]).strip() for n in numbers),
        ranges=tuple(float(meta[f"$P{n}R"]) for n in numbers),
        spillover=_normal(str(spill)),
    )


def _compare(first: _Reading, second: _Reading) -> None:
    differ = []
    if first.n_events != second.n_events:
        differ.append(f"events ({first.n_events} and {second.n_events})")
    if len(first.names) != len(second.names):
        differ.append(f"parameters ({len(first.names)} and {len(second.names)})")
    elif first.names != second.names:
        pairs = [f"{a!r} and {b!r}" for a, b in zip(first.names, second.names, strict=True) if a != b]
        differ.append(f"names ({', '.join(pairs)})")
    elif first.ranges != second.ranges:
        pairs = [
            f"{name}: {a:g} and {b:g}"
            for name, a, b in zip(first.names, first.ranges, second.ranges, strict=True)
            if a != b
        ]
        differ.append(f"ranges ({', '.join(pairs)})")
    if first.spillover != second.spillover:
        differ.append(f"spillover ({first.spillover[:60]!r} and {second.spillover[:60]!r})")
    if differ:
        raise UnreadableFcsError("the two readers (FlowIO and fcsparser) disagree on " + ", ".join(differ))


def _events(data: Any, expected: int, flags: list[str]) -> np.ndarray:
    if expected == 0:
        raise UnreadableFcsError("0 events")
    if data.events is None:
        bits = sorted({str(value) for key, value in data.text.items() if re.fullmatch(r"p\d+b", key)})
        raise UnreadableFcsError(f"events in words of {', '.join(bits)} bits, which FlowIO does not read")
    if "timestep" in data.text and not _is_number(data.text["timestep"]):
        flags.append(f"$TIMESTEP is {data.text['timestep']!r}, not a number: time is in ticks")
        data.text["timestep"] = "1.0"
    try:
        events = data.as_array(preprocess=True)
    except ValueError as error:
        raise UnreadableFcsError(f"events: {_one_line(error)}") from error
    if len(events) != expected:
        raise UnreadableFcsError(f"$TOT says {expected} events, the data segment holds {len(events)}")
    return events


def _channels(data: Any) -> tuple[Channel, ...]:
    found = []
    for number in sorted(data.channels):
        entry = data.channels[number]
        decades, log_zero = entry["pne"]
        top = log_zero * 10.0**decades if decades > 0 else float(entry["pnr"])
        gain = entry["png"] if entry["png"] not in (0, 0.0) else 1.0
        # FlowIO makes seconds of Time: ticks times $TIMESTEP, whatever the gain, which it sets to 1.
        step = float(data.text.get("timestep", "").strip() or 1.0) if number - 1 == data.time_index else 1.0
        found.append(Channel(number - 1, entry["pnn"].strip(), entry["pns"].strip(), step * top / gain))
    return tuple(found)


def _spill_keywords(data: Any) -> dict[str, str]:
    """Spillover keywords as FlowIO hands them: lower case, without the ``$``."""
    return {
        shown: data.text[key] for key, shown in (("spillover", "$SPILLOVER"), ("spill", "SPILL")) if data.text.get(key)
    }


def _normal(spillover: str) -> str:
    """Spillover text as names and numbers, so that only a true difference counts."""
    cells = [cell.strip() for cell in spillover.split(",") if cell.strip()]
    return ",".join(_number(cell) for cell in cells)


def _number(cell: str) -> str:
    return repr(float(cell)) if _is_number(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text(keywords: Mapping[str, Any], key: str) -> str | None:
    value = keywords.get(key)
    return str(value).strip() or None if value is not None else None


def _one_line(error: object) -> str:
    if isinstance(error, KeyError) and error.args:  # both readers look keywords up and do not say so
        return f"no keyword ${str(error.args[0]).lstrip('$').upper()}"
    return " ".join(str(error).split()) or type(error).__name__
