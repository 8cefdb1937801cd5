"""Counts with gate limits moved by multiples of their own uncertainty: one limit at a time, or all at random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cytotrial.columns import MOVED_COUNTS, MOVES
from cytotrial.errors import CytotrialError, problem
from cytotrial.statistics.observations import MOST_EVENTS
from cytotrial.statistics.survival.percentages import Counted

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
FURTHEST = max(MOVES)
LIMIT = ["panel", "population", "marker", "bound"]


@dataclass(frozen=True)
class MovedGates:
    """What was counted with limits moved, and what is done with it.

    Parameters
    ----------
    counts : DataFrame
        The columns of ``moved_counts.tsv``, text or numbers.
    simulations : int
        How often all limits are moved at random; 0 for never.
    seed : int
        Of these simulations, not negative.
    source : str
        The file's name, for the messages.
    """

    counts: pd.DataFrame
    simulations: int = 200
    seed: int = 2020
    source: str = "moved_counts.tsv"


@dataclass(frozen=True)
class Limit:
    """One gate limit and what its moves do to one percentage.

    Attributes
    ----------
    gate : str
        ``panel:population/marker/bound``.
    numerator, denominator : ndarray, shape (n_samples, 7)
        Events more than where the limit is, with it moved by -3 to 3 of its uncertainties; 0 where it changes nothing.
    is_moved : ndarray of bool, shape (n_samples,)
        Whether the sample's uncertainty of this limit is known, and both of its counts.
    """

    gate: str
    numerator: Array
    denominator: Array
    is_moved: Flags

    @property
    def label(self) -> str:
        """The gate without its panel."""
        return self.gate.split(":", 1)[1]


class MovedCounts:
    """The table of moved counts, by limit and counted population.

    Raises
    ------
    CytotrialError
        A count that is no number of events, or a row that comes twice.
    """

    def __init__(self, moved: MovedGates) -> None:
        self._moved = moved
        table = moved.counts.reset_index(drop=True)
        self._events = _events(table, source=moved.source)
        self._samples = {name: place for place, name in enumerate(sorted(set(table["sample_id"])))}
        self._sample = table["sample_id"].map(self._samples).to_numpy(dtype=int)
        grouped = table.groupby([*LIMIT, "counted"], dropna=False, sort=True).indices
        self._rows: dict[tuple[str, str], dict[str, NDArray[np.int_]]] = {}
        for (panel, *limit, counted), rows in grouped.items():
            gate = f"{panel}:" + "/".join(part for part in limit if isinstance(part, str))
            self._rows.setdefault((str(panel), gate), {})[counted] = rows

    def limits(self, samples: Counted, population: str, denominator: str, panel: str | None) -> Iterator[Limit]:
        """Every limit that can change one of two counts in at least one of the samples, in the order of their names.

        Parameters
        ----------
        population, denominator : str
            The populations that are counted.
        panel : str or None
            The panel of the samples; None where nobody said, and the samples' names alone decide.
        """
        place = self._places(samples)
        for (of_panel, gate), counted in self._rows.items():
            if panel not in (None, of_panel):
                continue
            changes = [np.zeros((len(samples.sample_ids), len(MOVES))) for _ in range(2)]
            is_moved = np.zeros(len(samples.sample_ids), dtype=bool)
            for change, name in zip(changes, (population, denominator), strict=True):
                rows = counted.get(name, np.array([], dtype=int))
                rows = rows[place[self._sample[rows]] >= 0]
                change[place[self._sample[rows]]] = self._events[rows] - self._events[rows][:, [FURTHEST]]
                is_moved[place[self._sample[rows]]] = True
            is_moved &= ~np.isnan(samples.numerator) & ~np.isnan(samples.denominator)
            if is_moved.any():
                yield Limit(gate, *changes, is_moved)

    def problems(self, samples: Counted, population: str, denominator: str, panel: str | None) -> Iterator[str]:
        """A line where the counts with no limit moved are not those of the percentages: tables of different runs."""
        place = self._places(samples)
        for name, events in ((population, samples.numerator), (denominator, samples.denominator)):
            of_name = [one[name] for (of, _), one in self._rows.items() if name in one and panel in (None, of)]
            together = np.concatenate(of_name) if of_name else np.array([], dtype=int)
            together = together[place[self._sample[together]] >= 0]
            there = events[place[self._sample[together]]]
            wrong = np.flatnonzero(~np.isnan(there) & (there != self._events[together, FURTHEST]))
            if wrong.size:
                sample = samples.sample_ids[place[self._sample[together[wrong[0]]]]]
                yield problem(
                    f"{self._moved.source}, {sample}, {name}, n_events",
                    found=f"{self._events[together[wrong[0]], FURTHEST]:.0f}, and other numbers in {wrong.size} rows",
                    expected=f"{there[wrong[0]]:.0f}, as in the table of percentages",
                    remedy="make both tables again, in one run",
                )

    def simulated(self, samples: Counted, limits: Sequence[Limit]) -> tuple[Array, Array]:
        """Counts with every limit of every sample moved at random, independently, by its own uncertainty.

        Returns
        -------
        numerator, denominator : ndarray, shape (simulations, n_samples)
            Events. Between the moves that were counted the counts are interpolated, beyond the furthest they stay as
            they are there. What several limits do to one count is added up: an approximation, for events that lie
            near two limits at once are few.

        Notes
        -----
        A limit has its own stream of random numbers and each sample its own place in it, whatever the percentage: a
        limit that opposite gates share moves once for both, and for numerator and denominator alike.
        """
        place = [
            self._samples.get(name, 0) for name in samples.sample_ids
        ]  # a sample without moves has none to look up
        number, which = self._moved.simulations, np.arange(len(samples.sample_ids))
        numerator = np.repeat(samples.numerator[None, :], number, axis=0)
        denominator = np.repeat(samples.denominator[None, :], number, axis=0)
        for limit in limits:
            generator = np.random.default_rng([self._moved.seed, *limit.gate.encode()])
            drawn = generator.standard_normal((number, len(self._samples)))[:, place]
            position = np.clip(drawn, -FURTHEST, FURTHEST) + FURTHEST
            below = np.minimum(position.astype(int), len(MOVES) - 2)
            share = position - below
            for events, change in ((numerator, limit.numerator), (denominator, limit.denominator)):
                if change.any():
                    events += change[which, below] * (1.0 - share) + change[which, below + 1] * share
        return numerator, denominator

    @property
    def simulations(self) -> int:
        """How many are asked for."""
        return self._moved.simulations

    @property
    def seed(self) -> int:
        """Of the simulations."""
        return self._moved.seed

    def _places(self, samples: Counted) -> NDArray[np.int_]:
        """This table's samples -> their place among others; -1 for one that is not among them."""
        place = np.full(len(self._samples), -1)
        known = {name: number for number, name in enumerate(samples.sample_ids) if name in self._samples}
        place[[self._samples[name] for name in known]] = list(known.values())
        return place


def _events(table: pd.DataFrame, *, source: str) -> Array:
    """The counts, shape (rows, 7), from the limit moved furthest down to furthest up."""
    key = list(MOVED_COUNTS.key)
    problems = []
    for row in table.index[table.duplicated(key)]:
        name = " ".join(str(cell) for cell in table.loc[row, key])
        problems.append(
            problem(
                f"{source}, row {row + 2}",
                found=f"a second row for {name}",
                expected="one row per sample, limit and counted population",
                remedy="delete one of them",
            )
        )
    events = np.full((len(table), len(MOVES)), np.nan)
    for place, column in enumerate(MOVES.values()):
        cells = table[column].to_numpy(dtype=object)
        try:
            events[:, place] = cells.astype(float)
        except (TypeError, ValueError):
            events[:, place] = [_number(cell) for cell in cells]
        is_count = (events[:, place] >= 0.0) & (np.floor(events[:, place]) == events[:, place])
        for row in np.flatnonzero(~(is_count & (events[:, place] <= MOST_EVENTS))):
            problems.append(
                problem(
                    f"{source}, row {row + 2}, {column}",
                    found=repr(cells[row]),
                    expected="a number of events",
                    remedy="make the table again",
                )
            )
    if problems:
        raise CytotrialError(problems)
    return events


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")
