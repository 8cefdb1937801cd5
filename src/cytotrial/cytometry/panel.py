"""Which marker is in which channel: the panel file, and its markers in a file, never by position."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.documents import load_schema, read_yaml, schema_problems, text_of
from cytotrial.errors import CytotrialError, did_you_mean, problem

SCATTER = {
    "fsc_area": "FSC-A",
    "fsc_height": "FSC-H",
    "fsc_width": "FSC-W",
    "ssc_area": "SSC-A",
    "ssc_height": "SSC-H",
    "ssc_width": "SSC-W",
}
TIME = "Time"
AREAS = ("FSC-A", "SSC-A")


@dataclass(frozen=True)
class MarkerRule:
    """Where a marker is: `channel` a ``$PnN``, `label` a pattern on ``$PnS``; both where both must hold."""

    channel: str | None
    label: str | None
    optional: bool


@dataclass(frozen=True)
class ChannelRule:
    """Where a scatter channel or Time is; `optional` where a file may lack it."""

    channel: str
    optional: bool


@dataclass(frozen=True)
class Panel:
    """A panel file: markers by name, scatter by FSC-A, FSC-H, FSC-W, SSC-A, SSC-H, SSC-W.

    `compensation` is ``fcs`` (the file's own matrix), ``none``, or the path of a CSV matrix.
    """

    markers: Mapping[str, MarkerRule]
    scatter: Mapping[str, ChannelRule]
    time: ChannelRule | None
    compensation: str

    @property
    def rules(self) -> dict[str, MarkerRule]:
        """Every rule by its logical name: markers, then scatter, then Time."""
        channels = {**self.scatter, **({TIME: self.time} if self.time else {})}
        plain = {name: MarkerRule(rule.channel, None, rule.optional) for name, rule in channels.items()}
        return {**self.markers, **plain}


@dataclass(frozen=True)
class Resolved:
    """A panel in one file: logical name -> channel index (from 0), and the optional names it lacks."""

    channels: Mapping[str, int]
    missing_optional: tuple[str, ...]


def load_panel(path: Path) -> Panel:
    """The panel file at `path`.

    Raises
    ------
    CytotrialError
        With every mistake in the file: form, patterns that are no regular expressions, channels mapped twice.
    """
    document = read_yaml(path)
    problems = schema_problems(document, load_schema("panel"), where=str(path))
    if isinstance(document, dict):
        where = str(path)
        problems += [
            *_unplaced_markers(document, where),
            *_bad_patterns(document, where),
            *_channels_mapped_twice(document, where),
        ]
    if problems:
        raise CytotrialError(problems)
    compensation = document.get("compensation", "fcs")
    return Panel(
        markers={name: _marker_rule(entry) for name, entry in document["markers"].items()},
        scatter={
            SCATTER[key]: _channel_rule(entry, optional=SCATTER[key] not in AREAS)
            for key, entry in document.get("scatter", {}).items()
        },
        time=_channel_rule(document["time"], optional=True) if "time" in document else None,
        compensation=compensation.lower() if compensation.lower() in ("fcs", "none") else compensation,
    )


def _marker_rule(entry: Mapping[str, Any]) -> MarkerRule:
    channel = text_of(entry["channel"]) if "channel" in entry else None
    return MarkerRule(channel, entry.get("label"), entry.get("optional", False))


def _channel_rule(entry: Any, *, optional: bool) -> ChannelRule:
    if not isinstance(entry, dict):
        return ChannelRule(text_of(entry), optional)
    return ChannelRule(text_of(entry["channel"]), optional or entry.get("optional", False))


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section in ("markers", "scatter"):
        found = document.get(section)
        for name, entry in found.items() if isinstance(found, dict) else ():
            yield f"{section}, {name}", entry
    if "time" in document:
        yield "time", document["time"]


def _unplaced_markers(document: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, entry in _entries(document):
        if isinstance(entry, dict) and name.startswith("markers") and list(entry) == ["optional"]:
            yield problem(
                f"{where}, {name}",
                found="neither channel nor label",
                expected="{channel: $PnN}, {label: pattern on $PnS} or both",
                remedy="say where the marker is",
            )


def _bad_patterns(document: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, entry in _entries(document):
        label = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(label, str):
            continue
        try:
            re.compile(label)
        except re.error as error:
            yield problem(
                f"{where}, {name}, label",
                found=f"{label!r}, which is no regular expression ({error})",
                expected="a regular expression on $PnS",
                remedy=f"put a backslash before a character meant as itself, as in {re.escape(label)!r}",
            )


def _channels_mapped_twice(document: Mapping[str, Any], where: str) -> Iterator[str]:
    first: dict[str, str] = {}
    for name, entry in _entries(document):
        channel = entry.get("channel") if isinstance(entry, dict) else entry
        if channel is None or isinstance(channel, bool | list):
            continue
        channel = text_of(channel)
        if channel in first:
            yield problem(
                f"{where}, {name}",
                found=f"the channel {channel!r}, which is also that of {first[channel]}",
                expected="one marker per channel",
                remedy="correct one of them",
            )
        first.setdefault(channel, name)


def resolve_channels(panel: Panel, channels: Sequence[tuple[str, str]], *, file: str) -> Resolved:
    """Find every marker, scatter channel and Time of `panel` among a file's channels.

    Parameters
    ----------
    channels : sequence of (str, str)
        ``$PnN`` and ``$PnS`` of each channel in the file's order; an absent ``$PnS`` is empty text.
    file : str
        The file's name for messages.

    Raises
    ------
    CytotrialError
        With every marker that matches no channel or several, and every channel that two names match.

    Notes
    -----
    Channel names match exactly, else without regard to case where that is unique. Instruments repeat ``$PnS``
    for the area and the height of a detector: among several matches of a label the only one ending in ``-A``
    is taken.
    """
    channels = [((name or "").strip(), (label or "").strip()) for name, label in channels]
    found: dict[str, int] = {}
    missing: list[str] = []
    problems: list[str] = []
    for name, rule in panel.rules.items():
        matches = _matches(rule, channels)
        if len(matches) == 1:
            found[name] = matches[0]
        elif not matches and rule.optional:
            missing.append(name)
        else:
            problems.append(_match_problem(name, rule, matches, channels, file))
    problems += _channels_hit_twice(found, channels, file)
    if problems:
        raise CytotrialError(problems)
    return Resolved(found, tuple(missing))


def _matches(rule: MarkerRule, channels: Sequence[tuple[str, str]]) -> list[int]:
    matches = list(range(len(channels)))
    if rule.channel is not None:
        wanted = rule.channel.strip()
        exact = [index for index in matches if channels[index][0] == wanted]
        folded = [index for index in matches if channels[index][0].casefold() == wanted.casefold()]
        matches = exact or folded
    if rule.label is not None:
        pattern = re.compile(rule.label, re.IGNORECASE)
        matches = [index for index in matches if channels[index][1] and pattern.search(channels[index][1])]
    areas = [index for index in matches if channels[index][0].upper().endswith("-A")]
    if rule.channel is None and len(areas) == 1:
        return areas
    return matches


def _match_problem(
    name: str, rule: MarkerRule, matches: Sequence[int], channels: Sequence[tuple[str, str]], file: str
) -> str:
    sought = " and ".join(
        part
        for part in (
            f"$PnN {rule.channel!r}" if rule.channel is not None else "",
            f"$PnS matching {rule.label!r}" if rule.label is not None else "",
        )
        if part
    )
    if matches:
        hit = ", ".join(_shown(channels[index]) for index in matches)
        found, remedy = (
            f"{len(matches)} channels ({hit})",
            "name the channel, or make the label's pattern stricter",
        )
    else:
        near = did_you_mean(rule.channel, [pnn for pnn, _ in channels]) if rule.channel is not None else ""
        found, remedy = f"no channel{near}", "correct the panel file, or say optional: true there"
    listed = ", ".join(_shown(channel) for channel in channels)
    wanted = f"one channel with {sought} among the file's channels: {listed}"
    return problem(f"{file}, {name}", found=found, expected=wanted, remedy=remedy)


def _channels_hit_twice(found: Mapping[str, int], channels: Sequence[tuple[str, str]], file: str) -> Iterator[str]:
    names: dict[int, list[str]] = defaultdict(list)
    for name, index in found.items():
        names[index].append(name)
    listed = ", ".join(_shown(channel) for channel in channels)
    for index, hits in names.items():
        if len(hits) > 1:
            yield problem(
                f"{file}, {' and '.join(hits)}",
                found=f"the same channel {_shown(channels[index])}",
                expected=f"one channel for each among the file's channels: {listed}",
                remedy="make the panel file's patterns stricter, or name the channels",
            )


def _shown(channel: tuple[str, str]) -> str:
    return f"{channel[0]} ({channel[1]})" if channel[1] else channel[0]
