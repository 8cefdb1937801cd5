"""HEADER and TEXT of one FCS file as FlowIO reads them: its channels, its spillover, and what had to be forgiven."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cytotrial.cytometry.compensation import Spillover, find_spillover

OFF_BY_ONE = "the data segment's end is off by one byte (common on some instruments)"


class UnreadableFcsError(Exception):
    """The file cannot be used; the text is its reason in `status.tsv`."""


@dataclass(frozen=True)
class Channel:
    """One channel of a file.

    Attributes
    ----------
    top : float
        The largest value its range allows, on the linear scale ($PnR after $PnE and $PnG, Time in seconds).
    """

    index: int
    name: str
    label: str
    top: float


@dataclass(frozen=True)
class TextSegment:
    """What a file says of itself, as FlowIO reads it.

    Attributes
    ----------
    n_events : int
        $TOT.
    channels : tuple of Channel
        In the file's order, names stripped of the blanks that some instruments pad them with.
    ranges : tuple of float
        $PnR, as written.
    spillover, spillover_problem
        The file's own matrix, or why what it gives as one cannot be used; both None where it gives none.
    spillover_text : str
        The keyword's value, empty where there is none.
    flags : tuple of str
        What had to be forgiven so that FlowIO could read it.
    time_flag : str or None
        Why time is in ticks, where $TIMESTEP is no number.
    data : flowio.FlowData
        FlowIO's own object, without events.
    """

    path: Path
    version: str
    n_events: int
    channels: tuple[Channel, ...]
    ranges: tuple[float, ...]
    spillover: Spillover | None
    spillover_problem: str | None
    spillover_text: str
    instrument: str | None
    acquired: str | None
    flags: tuple[str, ...]
    time_flag: str | None
    data: Any = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """``$PnN`` in the file's order, as FlowKit looks channels up."""
        return tuple(channel.name for channel in self.channels)


def read_text(path: Path) -> TextSegment:
    """Read header and text; the events are left alone.

    Raises
    ------
    UnreadableFcsError
        The file is missing, empty, no FCS file, or its header or text is broken.
    """
    check_file(path)
    data, flags = read_with_flowio(path, only_text=True)
    time_flag = settle(data)
    _check_numbers(data)
    names = tuple(data.pnn_labels)
    keywords = _spill_keywords(data)
    spillover, spillover_problem = None, None
    try:
        spillover = find_spillover(keywords, names)
    except ValueError as error:  # matters only to a panel that wants the file's own matrix
        spillover_problem = str(error)
    return TextSegment(
        path=path,
        version=f"FCS{data.version}",
        n_events=int(data.event_count),
        channels=_channels(data),
        ranges=tuple(float(value) for value in data.pnr_values),
        spillover=spillover,
        spillover_problem=spillover_problem,
        spillover_text=next(iter(keywords.values()), ""),
        instrument=_stripped(data.text, "cyt"),
        acquired=_stripped(data.text, "date"),
        flags=tuple(flags),
        time_flag=time_flag,
        data=data,
    )


def check_file(path: Path) -> None:
    """Is there a file that begins as FCS files do.

    Raises
    ------
    UnreadableFcsError
        No; the text says what there is instead.
    """
    if not path.exists():
        raise UnreadableFcsError(f"no such file: {path}")
    if path.is_dir():
        raise UnreadableFcsError(f"a folder, not a file: {path}")
    if path.stat().st_size == 0:
        raise UnreadableFcsError("the file is empty (0 bytes)")
    try:
        with path.open("rb") as stream:
            if stream.read(3) != b"FCS":
                raise UnreadableFcsError("not an FCS file: it does not begin with 'FCS'")
    except OSError as error:
        raise UnreadableFcsError(f"it cannot be opened: {error.strerror}") from error


def read_with_flowio(path: Path, *, only_text: bool) -> tuple[Any, list[str]]:
    """FlowIO's reading and its flags: known vendors' offset errors are forgiven one by one, and each is flagged.

    Returns
    -------
    flowio.FlowData, list of str

    Raises
    ------
    UnreadableFcsError
        FlowIO cannot read it.
    """
    import flowio
    from flowio.exceptions import DataOffsetDiscrepancyError, MultipleDataSetsError

    flags: list[str] = []
    options: dict[str, bool] = {}
    for _ in range(3):
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("ignore")  # Python's own, of files left open, may come from anywhere
                warnings.simplefilter("always", UserWarning)
                data = flowio.FlowData(str(path), only_text=only_text, **options)
            flags += sorted({f"FlowIO: {one_line(warning.message)}" for warning in caught if not options})
            return data, flags
        except MultipleDataSetsError as error:
            raise UnreadableFcsError("several data sets in one file; export one per file") from error
        except DataOffsetDiscrepancyError as error:
            options["ignore_offset_discrepancy"] = True
            flags.append(f"header and text give different data offsets, text is believed ({one_line(error)})")
        except Exception as error:
            if "off by 1" not in str(error) or "ignore_offset_error" in options:
                hint = " (truncated? copy it again)" if "greater than file size" in str(error) else ""
                raise UnreadableFcsError(f"FlowIO cannot read it: {one_line(error)}{hint}") from error
            options["ignore_offset_error"] = True
            flags.append(OFF_BY_ONE)
    raise UnreadableFcsError("FlowIO cannot read it: " + "; ".join(flags))


def settle(data: Any) -> str | None:
    """Make FlowIO's object fit for FlowKit: names without padding, and a time step; the flag where it was none."""
    data.pnn_labels[:] = [name.strip() for name in data.pnn_labels]  # FlowKit looks channels up by these
    step = data.text.get("timestep")
    if step is None or is_number(step):
        return None
    data.text["timestep"] = "1.0"
    return f"$TIMESTEP is {step!r}, not a number: time is in ticks"


def _check_numbers(data: Any) -> None:
    named, n_parameters = sorted(data.channels), int(data.channel_count)
    if len(named) != n_parameters or named != list(range(1, len(named) + 1)):  # else a channel is taken for another
        raise UnreadableFcsError(f"$PAR says {n_parameters} parameters, $PnN names numbers {named}")


def _channels(data: Any) -> tuple[Channel, ...]:
    found = []
    for number in sorted(data.channels):
        entry = data.channels[number]
        decades, log_zero = entry["pne"]
        top = log_zero * 10.0**decades if decades > 0 else float(entry["pnr"])
        gain = entry["png"] if entry["png"] not in (0, 0.0) else 1.0
        # FlowIO makes seconds of Time: ticks times $TIMESTEP, whatever the gain, which it sets to 1.
        step = float(data.text.get("timestep", 1.0)) if number - 1 == data.time_index else 1.0
        found.append(Channel(number - 1, entry["pnn"].strip(), entry["pns"].strip(), step * top / gain))
    return tuple(found)


def _spill_keywords(data: Any) -> dict[str, str]:
    """Spillover keywords as FlowIO hands them: lower case, without the ``$``."""
    return {
        shown: data.text[key] for key, shown in (("spillover", "$SPILLOVER"), ("spill", "SPILL")) if data.text.get(key)
    }


def _stripped(text: Mapping[str, str], key: str) -> str | None:
    value = text.get(key)
    return value.strip() or None if value is not None else None


def is_number(text: str) -> bool:
    """Whether a keyword's value is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def one_line(error: object) -> str:
    """An error of one of the readers as a reason: one line, missing keywords by their name."""
    if isinstance(error, KeyError) and error.args:  # both readers look keywords up and do not say so
        return f"no keyword ${str(error.args[0]).lstrip('$').upper()}"
    return " ".join(str(error).split()) or type(error).__name__
