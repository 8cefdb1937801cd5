"""Which files a gate may be learnt from: stained and measured alike, nearest first. Light: no numpy here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
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
    def tops(self) -> dict[str, float]:
        """Marker -> largest linear value of its channel; of a shape the first marker's."""
        return {row["marker"].split(":")[0]: row["top"] for row in self.rows}

    def of_pool(self, width: str) -> str | None:
        """Which pool of a width it is in; None where it has no batch or site."""
        return "trial" if width == "trial" else self.first["subject_id" if width == "subject" else width]


def alike(donor: FileGate, borrower: FileGate) -> bool:
    """Whether `donor` was stained and measured as `borrower`: no staining control, same condition, same range."""
    if donor.first["is_control"] or donor.first["condition"] != borrower.first["condition"]:
        return False
    return all(borrower.tops.get(marker) == top for marker, top in donor.tops.items())


class Peers:
    """Files that a gate may be learnt from, by whom they are like and by pool; each grouping is made once.

    Parameters
    ----------
    files : iterable of FileGate
        Of one population of one panel, those whose data showed the gate.
    """

    def __init__(self, files: Iterable[FileGate]) -> None:
        self._files = tuple(files)
        self._like: dict[Any, list[FileGate]] = {}
        self._pools: dict[Any, dict[str | None, list[FileGate]]] = {}
        self._middles: dict[Any, float] = {}

    def pool(self, width: str, of: FileGate) -> list[FileGate]:
        """The files like `of` in its pool of a width, itself included if it is one of them."""
        kind = self._kind(of)
        if (kind, width) not in self._pools:
            if kind not in self._like:
                self._like[kind] = [one for one in self._files if alike(one, of)]
            groups = defaultdict(list)
            for one in self._like[kind]:
                groups[one.of_pool(width)].append(one)
            self._pools[kind, width] = groups
        name = of.of_pool(width)
        return [] if name is None else self._pools[kind, width].get(name, [])

    def middle(self, width: str, of: FileGate, measure: str) -> float:
        """The median of a measure over the pool: every file counts once, whatever its events."""
        key = (self._kind(of), width, of.of_pool(width), measure)
        if key not in self._middles:
            self._middles[key] = float(median(one.measures[measure] for one in self.pool(width, of)))
        return self._middles[key]

    def nearest(self, declared: str, of: FileGate) -> Iterator[tuple[str, list[FileGate]]]:
        """Pools to borrow from, the nearest first, each with its name: `of`'s own batch, then all of the pool."""
        for width in WIDER[declared]:
            found = self.pool(width, of)
            batch = of.of_pool("batch")
            own_batch = [one for one in found if batch is not None and one.of_pool("batch") == batch]
            name = pool_name(width, of)
            if own_batch:
                yield name if width == "batch" else f"{name}, batch {batch}", own_batch
            if found:
                yield name, found

    @staticmethod
    def _kind(one: FileGate) -> tuple[Any, ...]:
        return one.first["condition"], tuple(sorted(one.tops.items(), key=str))


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
