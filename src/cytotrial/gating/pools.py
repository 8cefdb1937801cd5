"""Which files a gate may be learnt from: stained and measured alike, nearest first. Light: no numpy here."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

Row = Mapping[str, Any]

# How wide a pool is looked for, from the one the strategy declares outwards.
WIDER = {
    "none": (),
    "subject": ("subject", "site", "trial"),
    "batch": ("batch", "site", "trial"),
    "site": ("site", "trial"),
    "trial": ("trial",),
}


@dataclass(frozen=True)
class FileGate:
    """What one file's data say of one gate.

    Attributes
    ----------
    rows : tuple of rows
        Its rows of `columns.LANDMARKS`, numbers already numbers: one per bound, or one per marker where not found.
    measures : mapping of str to float
        What the method read from the events; for a staining control what its cells show.
    """

    rows: tuple[Row, ...]
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def first(self) -> Row:
        """What all its rows share: sample, subject, batch, site, condition, outcome, reason."""
        return self.rows[0]

    @property
    def sample_id(self) -> str:
        """Whose gate this is."""
        return str(self.first["sample_id"])

    @property
    def found(self) -> bool:
        """Whether its own data showed the gate."""
        return self.first["outcome"] == "found"

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The markers of its rows, those of a shape by themselves."""
        return tuple(part for row in self.rows for part in row["marker"].split(":"))

    @cached_property
    def tops(self) -> dict[str, float]:
        """Marker -> largest linear value of its channel; of a shape the first marker's."""
        return {row["marker"].split(":")[0]: row["top"] for row in self.rows}

    @cached_property
    def kind(self) -> tuple[Any, ...]:
        """Condition and ranges: what files must have in common to lend to the same others."""
        return self.first["condition"], tuple(sorted(self.tops.items(), key=str))

    def of_pool(self, width: str) -> str | None:
        """Which pool of a width it is in; None where it has no batch or site."""
        return "trial" if width == "trial" else self.first["subject_id" if width == "subject" else width]


def alike(donor: FileGate, borrower: FileGate) -> bool:
    """Whether `donor` was stained and measured as `borrower`: no staining control, same condition, same range."""
    if donor.first["is_control"] or donor.first["condition"] != borrower.first["condition"]:
        return False
    return all(borrower.tops.get(marker) == top for marker, top in donor.tops.items())


class Lenders:
    """Files of one pool whose typical gate another one takes; each median is taken once.

    Attributes
    ----------
    files : tuple of FileGate
        At least one.
    """

    def __init__(self, files: Iterable[FileGate]) -> None:
        self.files = tuple(files)

    @cached_property
    def measures(self) -> dict[str, float]:
        """The median of each measure."""
        return {key: float(median(one.measures[key] for one in self.files)) for key in self.files[0].measures}

    @cached_property
    def bounds(self) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        """Marker, side and median place of each bound, linear; of a shape vertex by vertex."""
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for one in self.files:
            for row in one.rows:
                found[row["marker"], row["bound"]].append(row)
        return tuple((marker, bound, _median_place(rows, bound)) for (marker, bound), rows in sorted(found.items()))


def _median_place(rows: Sequence[Row], bound: str) -> dict[str, Any]:
    if bound != "shape":
        return {"threshold_linear": median(row["threshold_linear"] for row in rows), "coordinates": None}
    shapes = [json.loads(row["coordinates"]) for row in rows]
    size = len(shapes[0])
    shapes = [shape for shape in shapes if len(shape) == size]
    vertices = [[median(shape[i][axis] for shape in shapes) for axis in (0, 1)] for i in range(size)]
    return {"threshold_linear": None, "coordinates": json.dumps(vertices)}


class Peers:
    """Files that a gate may be learnt from, by whom they are like and by pool; each grouping and median is made once.

    Parameters
    ----------
    files : iterable of FileGate
        Of one population of one panel, those whose data showed the gate.
    """

    def __init__(self, files: Iterable[FileGate]) -> None:
        self._files = tuple(files)
        self._nobody: list[FileGate] = []  # one list: others are told apart by which they are
        self._like: dict[Any, list[FileGate]] = {}
        self._pools: dict[Any, dict[str | None, list[FileGate]]] = {}
        self._batches: dict[Any, dict[str | None, list[FileGate]]] = {}
        self._values: dict[Any, list[float]] = {}
        self._middles: dict[Any, float] = {}
        self._drifts: dict[Any, float] = {}
        self._lenders: dict[Any, Lenders | None] = {}

    def pool(self, width: str, of: FileGate) -> list[FileGate]:
        """The files like `of` in its pool of a width, itself included if it is one of them."""
        kind = of.kind
        if (kind, width) not in self._pools:
            if kind not in self._like:
                self._like[kind] = [one for one in self._files if alike(one, of)]
            self._pools[kind, width] = _grouped(self._like[kind], width)
        name = of.of_pool(width)
        return self._nobody if name is None else self._pools[kind, width].get(name, self._nobody)

    def values(self, width: str, of: FileGate, measure: str) -> list[float]:
        """A measure of every file of the pool, ascending."""
        key = (of.kind, width, of.of_pool(width), measure)
        if key not in self._values:
            self._values[key] = sorted(one.measures[measure] for one in self.pool(width, of))
        return self._values[key]

    def middle(self, width: str, of: FileGate, measure: str) -> float:
        """The median of a measure over the pool: every file counts once, whatever its events."""
        key = (of.kind, width, of.of_pool(width), measure)
        if key not in self._middles:
            self._middles[key] = float(median(self.values(width, of, measure)))
        return self._middles[key]

    def drift(self, of: FileGate, measure: str) -> float:
        """The factor by which the files of a batch stand off their own subjects' typical values: the median."""
        key = (of.kind, of.of_pool("batch"), measure)
        if key not in self._drifts:
            batch = self.pool("batch", of)
            self._drifts[key] = median(one.measures[measure] / self.middle("subject", one, measure) for one in batch)
        return self._drifts[key]

    def nearest(self, declared: str, of: FileGate) -> Iterator[tuple[str, list[FileGate]]]:
        """Pools to borrow from, the nearest first, each with its name: `of`'s own batch, then all of the pool."""
        for width in WIDER[declared]:
            found, batch, name = self.pool(width, of), of.of_pool("batch"), pool_name(width, of)
            if found and id(found) not in self._batches:
                self._batches[id(found)] = _grouped(found, "batch")
            own_batch = self._batches[id(found)].get(batch) if found and batch is not None else None
            if own_batch:
                yield name if width == "batch" else f"{name}, batch {batch}", own_batch
            if found:
                yield name, found

    def lenders(self, files: list[FileGate], usable: frozenset[str]) -> Lenders | None:
        """Those of a pool that `nearest` gave whose gates are on `usable` markers alone; None where there are none."""
        key = (id(files), usable)
        if key not in self._lenders:
            some = [one for one in files if usable.issuperset(one.parts)]
            self._lenders[key] = Lenders(some) if some else None
        return self._lenders[key]


def _grouped(files: Iterable[FileGate], width: str) -> dict[str | None, list[FileGate]]:
    groups = defaultdict(list)
    for one in files:
        groups[one.of_pool(width)].append(one)
    return groups


def pool_name(width: str, of: FileGate) -> str:
    """``subject S001``, ``batch B1``, ``site Lyon`` or ``trial``."""
    return "trial" if width == "trial" else f"{width} {of.of_pool(width)}"


def shows_negatives(condition: str | None, marker: str, channel: str | None) -> bool:
    """Whether a staining control's cells lack `marker`'s dye: its FMO tube, or the unstained one.

    Examples
    --------
    >>> shows_negatives("FMO-CD56", "CD56", "PE-Cy7-A"), shows_negatives("fmo pe-cy7", "CD56", "PE-Cy7-A")
    (True, True)
    """
    text = _plain(condition or "")
    if text.startswith("unstained"):
        return True
    left_out = text.removeprefix("fmo")
    names = {_plain(marker), _plain(channel or ""), _plain((channel or "").removesuffix("-A"))} - {""}
    return text.startswith("fmo") and left_out in names


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())
