"""Counts of many trials' tubes at once: what ``truth.tsv`` would say of their files, without any file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cytotrial.simulate.parameters import PANELS
from cytotrial.simulate.seeds import stream
from cytotrial.simulate.trial.many_subjects import Array, Blood
from cytotrial.simulate.trial.plan import NOT_LYMPHOCYTES
from cytotrial.simulate.trial.sheets import READOUTS

Counts = NDArray[np.int32]


@dataclass(frozen=True)
class Tubes:
    """Live single cells of each subset in each tube, all arrays of shape (n_events, n_trials, n_subjects, n_visits).

    Attributes
    ----------
    events : mapping
        Panel -> events of the tubes, doublets and debris included, along the first axis.
    counts : mapping
        Panel -> subset -> cells. Of tubes that were not sampled too: `percent` leaves these out.
    is_sampled : ndarray of bool, shape (n_trials, n_subjects, n_visits)
    """

    events: Mapping[str, tuple[int, ...]]
    counts: Mapping[str, Mapping[str, Counts]]
    is_sampled: NDArray[np.bool_]

    def numerator_n(self, subset: str) -> Counts:
        """Cells of a readout's subset."""
        return self.counts[PANEL_OF[subset]][subset]

    def denominator_n(self, subset: str, denominator: str) -> Counts:
        """Cells of `denominator` in the tube in which `subset` is counted."""
        return self.counts[PANEL_OF[subset]][denominator]

    def percent(self, subset: str, denominator: str) -> Array:
        """100 x of n; NaN where the tube was not sampled or n is 0."""
        inside, of = self.numerator_n(subset), self.denominator_n(subset, denominator)
        return 100.0 * inside / np.where(self.is_sampled & (of > 0), of, np.nan)


PANEL_OF = {readout["id"]: readout["panel"] for readout in READOUTS}


def readouts() -> Iterator[tuple[str, str]]:
    """Every subset with each of its denominators, the first of a subset the primary one."""
    for readout in READOUTS:
        for denominator in readout["denominators"]:
            yield readout["id"], denominator


def draw_tubes(blood: Blood, events: Mapping[str, Sequence[int]]) -> Tubes:
    """Count the cells of one tube per panel, trial, subject, visit and number of events.

    Parameters
    ----------
    blood : Blood
    events : mapping
        Panel -> events per tube, ascending, such as ``{"treg": [60000], "nk": [60000]}``; as many for each panel.

    Notes
    -----
    A chain of binomial counts, which is the multinomial that `tube.simulate_tube` draws of the same shares: events to
    live single lymphocytes, these to CD3 T cells, and so on. A tube of more events begins with those of a smaller one
    (counts of disjoint events are independent), so that results do not wobble from one number of events to the next.
    Left out are bursts, which turn about 1 % of the events of 3 % of the clinic's files into debris.
    """
    by_panel = {panel: tuple(events[panel]) for panel in PANELS}
    for panel, numbers in by_panel.items():
        if not numbers or list(numbers) != sorted(set(numbers)) or numbers[0] < 0:
            raise ValueError(f"events, {panel}: found {list(numbers)}, expected ascending numbers, none twice")
    counts = {panel: _counts(blood, panel, numbers) for panel, numbers in by_panel.items()}
    return Tubes(by_panel, counts, blood.is_sampled)


def _counts(blood: Blood, panel: str, events: tuple[int, ...]) -> dict[str, Counts]:
    shares, design = blood.shares, blood.design
    more = np.diff(events, prepend=0)[:, None, None]
    single = 1.0 / (1.0 + design.data["doublets"] + design.data["triplets"])
    held = design.exposures["nk_of_lymphocytes"]
    found: dict[str, list[NDArray[np.int64]]] = {}
    for place, number in enumerate(blood.numbers):
        random = stream(blood.seed, "tubes", str(number), panel)
        lymphocytes = single * _lymphocytes_of_events(blood, held, random)
        of = {name: share[place] for name, share in shares.items()}
        drawn = {"lymphocytes": random.binomial(more, lymphocytes, size=(len(events), *lymphocytes.shape))}
        if panel == "treg":
            t_cells = np.clip(1.0 - of["nk_of_lymphocytes"] - of["b_of_lymphocytes"], 0.0, 1.0)
            drawn["cd3"] = random.binomial(drawn["lymphocytes"], t_cells)
            drawn["cd4"] = random.binomial(drawn["cd3"], of["cd4_of_cd3"])
            cd8_of_rest = np.minimum(of["cd8_of_cd3"] / (1.0 - of["cd4_of_cd3"]), 1.0)
            drawn["cd8"] = random.binomial(drawn["cd3"] - drawn["cd4"], cd8_of_rest)
            drawn["treg"] = random.binomial(drawn["cd4"], of["treg_of_cd4"])
        else:
            drawn["nk"] = random.binomial(drawn["lymphocytes"], of["nk_of_lymphocytes"])
            drawn["cd56bright_nk"] = random.binomial(drawn["nk"], of["cd56bright_of_nk"])
        for subset, cells in drawn.items():
            found.setdefault(subset, []).append(np.cumsum(cells, axis=0, dtype=np.int32))
    return {subset: np.stack(cells, axis=1) for subset, cells in found.items()}


def _lymphocytes_of_events(blood: Blood, held: Array, random: np.random.Generator) -> Array:
    """Share of all events before doublets, shape (n_subjects, n_visits): what each tube's preparation leaves."""
    data = blood.design.data
    effects = np.array([data.get("preparation_effects", {}).get(name, 0.0) for name in NOT_LYMPHOCYTES])
    draws = random.standard_normal((*held.shape, len(NOT_LYMPHOCYTES)))
    factors = np.exp(data["matrix_sd"] * draws + effects * held[..., None])
    others = (np.array([data["composition"][name] for name in NOT_LYMPHOCYTES]) * factors).sum(axis=-1)
    return np.maximum(1.0 - np.minimum(others, 0.9) - data["composition"]["aggregates"], 0.0)
