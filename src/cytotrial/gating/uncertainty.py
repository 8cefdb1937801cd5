"""How sure the place of every agreed gate is: a standard deviation on the gate's own scale, for the ledger."""

from __future__ import annotations

import json
import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median, stdev
from typing import Any

from cytotrial.gating.aliquots import ALIQUOTS, LEARNING
from cytotrial.gating.landmarks import FLIPPED
from cytotrial.gating.ledger import axis_of
from cytotrial.gating.methods import held, rebuilt
from cytotrial.gating.strategy import Rule

log = logging.getLogger(__name__)
Row = dict[str, Any]
Kind = tuple[Any, ...]
OWN_DF = ALIQUOTS - 1
MEDIAN_OF_CHI_SQUARED = 2.366 / OWN_DF  # of a variance with three degrees of freedom, as a share of the true one
# Degrees of freedom that all files of a kind together lend to each: a file's own aliquots count a third. Assumed.
LENT_DF = 6.0
OF_A_MEDIAN = math.sqrt(math.pi / 2.0)  # SD of a median over that of a mean, of Gaussian values
OWN = ("found", "fmo")  # a control's quantile is no surer than the cells' own edge
LEAST_LENDERS = 3  # gates of fewer files show no spread
STEP = 0.01  # of a measure's logarithm, for slopes


def with_uncertainties(used: Sequence[Row], rules: Mapping[str, Rule]) -> list[Row]:
    """Agreed gates of one panel with their ``uncertainty``.

    Parameters
    ----------
    used : sequence of rows
        What `reconcile.agree` returns: landmarks with ``source`` and ``pool``.
    rules : mapping
        Population id -> rule of that panel's strategy.

    Returns
    -------
    list of rows
        ``uncertainty`` is a standard deviation: of a threshold on the gate's own scale, of a shape a share of its
        extent. None for gates that nothing in the events placed (fixed, fallback), for stretches of time, and where
        too few files show it.

    Notes
    -----
    A gate of the file's own: the SD that its aliquots show, drawn towards what files of its kind show at that number
    of parent events (variances are averaged, as Smyth 2004 does for genes, doi:10.2202/1544-6115.1027). Of a method
    that rests on several numbers, theirs are added up by the slopes of the gate on them; a number that is held over a
    pool is as sure as a median of so many files. A borrowed gate: the SD between the files that showed it, since its
    own may be any of these. What cannot be seen by resampling is not in it: a whole trial stained otherwise than the
    method supposes.
    """
    by_population: dict[str, list[Row]] = defaultdict(list)
    for row in used:
        by_population[row["population"]].append(row)
    known: dict[tuple[str, ...], float | None] = {}
    for population, rule in rules.items():
        if rule.method not in LEARNING:
            continue
        try:
            for row, uncertainty in _of_rule(by_population[population], rule):
                known[row["sample_id"], population, row["marker"], row["bound"]] = uncertainty
        except Exception:  # the gates stand, whether it is known how sure they are or not
            log.exception("%s: no uncertainties", population)
    return [{**row, "uncertainty": known.get(_placed_as(row, rules[row["population"]]))} for row in used]


def _placed_as(row: Row, rule: Rule) -> tuple[str, ...]:
    """The key of the limit that a row has: an opposite population's is the other side of somebody else's."""
    if rule.method == "opposite":
        return row["sample_id"], rule.args.of, row["marker"], FLIPPED[row["bound"]]
    return row["sample_id"], row["population"], row["marker"], row["bound"]


def _of_rule(rows: Sequence[Row], rule: Rule) -> Iterable[tuple[Row, float | None]]:
    """Every row of a population with its uncertainty; files of one condition and range are a kind."""
    kinds: dict[Kind, list[Row]] = defaultdict(list)
    for row in rows:
        kinds[row["condition"], row["marker"], row["bound"], row["top"]].append(row)
    for alike in kinds.values():
        own = [row for row in alike if row["source"] in OWN and row["outcome"] == "found"]
        told = _Propagated(own, rule) if held(rule.method) else _Placed(own)
        between = _between_files([row for row in own if row["source"] == "found"])
        for row in alike:
            if row["source"] in OWN:
                yield row, told.of(row)
            else:
                yield row, between if row["source"] == "pooled" else None


class _Typical:
    """Variance times events, the median of files: what a file with so many events may be expected to have."""

    def __init__(self, found: Iterable[tuple[float | None, int | None]]) -> None:
        scaled = [spread**2 * n for spread, n in found if spread is not None and n]
        self._scaled = median(scaled) / MEDIAN_OF_CHI_SQUARED if scaled else None

    def sd(self, own: float | None, n: int | None) -> float | None:
        """A file's own SD drawn towards the typical one; the typical one where it has none."""
        if self._scaled is None or not n:
            return None
        if own is None:
            return math.sqrt(self._scaled / n)
        return _averaged(self._scaled / n, own**2, OWN_DF)


class _Placed:
    """Uncertainties of bounds that a method placed as such."""

    def __init__(self, own: Sequence[Row]) -> None:
        self._typical = _Typical((row["spread"], row["n_parent"]) for row in own)

    def of(self, row: Row) -> float | None:
        """On the gate's scale; of a shape a share of its extent."""
        return self._typical.sd(row["spread"], row["n_parent"])


class _Propagated:
    """Uncertainties of thresholds that rest on several measures, of which some are held over a pool."""

    def __init__(self, own: Sequence[Row], rule: Rule) -> None:
        self._rule, self._held = rule, held(rule.method) if rule.pool != "none" else {}
        self._measures = {row["sample_id"]: _numbers(row["measures"]) for row in own}
        self._spreads = {row["sample_id"]: _numbers(row["measures_spread"]) for row in own}
        names = next(iter(self._measures.values()), {})
        self._typical = {
            name: _Typical((self._spreads[row["sample_id"]].get(name), row["n_parent"]) for row in own)
            for name in names
        }
        self._pools = {width: _grouped(own, width) for width in ("subject", "batch", "site", "trial")}
        self._between: dict[tuple[str, str], dict[Any, tuple[int, float | None]]] = {}

    def of(self, row: Row) -> float | None:
        """On the gate's scale."""
        measures = _numbers(row["measures"])
        if not measures or row["threshold_linear"] is None or row["threshold_linear"] <= 0:
            return None
        slopes = _slopes(measures, self._rule, row)
        parts = [(slopes[name], self._sd(row, name)) for name in measures]
        if any(sd is None for _, sd in parts):
            return None
        relative = math.sqrt(sum((slope * sd) ** 2 for slope, sd in parts if sd is not None))
        place = axis_of(row).to_scale
        ends = (float(place(row["threshold_linear"] * math.exp(sign * relative))) for sign in (1.0, -1.0))
        high, low = ends
        return (high - low) / 2.0

    def _sd(self, row: Row, name: str) -> float | None:
        """Of the logarithm of one measure as it is used in a file."""
        if name not in self._typical:
            return None
        how = self._held.get(name)
        own = self._typical[name].sd(self._spreads.get(row["sample_id"], {}).get(name), row["n_parent"])
        if self._rule.pool == "none" or how == "lowest" or (how is None and self._rule.align == "file"):
            return own  # an extreme is one file's number
        width = "trial" if how == "trial" else self._rule.pool if how else self._width_of_alignment()
        n, between = self._between_files(row, name, width)
        return own if between is None else OF_A_MEDIAN * between / math.sqrt(n)

    def _width_of_alignment(self) -> str:
        return "batch" if self._rule.align == "batch" else self._rule.pool

    def _between_files(self, row: Row, name: str, width: str) -> tuple[int, float | None]:
        """Files of the row's pool and the SD between them, drawn towards that of all pools; None of one file's pool."""
        pool = _pool_of(row, width)
        if pool is None:  # nobody's
            return 0, None
        if (width, name) not in self._between:
            logs = {
                of: [math.log(self._measures[one["sample_id"]][name]) for one in files]
                for of, files in self._pools[width].items()
                if of is not None
            }
            self._between[width, name] = _spreads_of_pools(logs)
        return self._between[width, name].get(pool, (0, None))


def _averaged(lent: float, own: float, own_df: float) -> float:
    """The SD of two variances' mean, weighted by their degrees of freedom: what all files lend, and one's own."""
    return math.sqrt((LENT_DF * lent + own_df * own) / (LENT_DF + own_df))


def _spreads_of_pools(values: Mapping[Any, Sequence[float]]) -> dict[Any, tuple[int, float | None]]:
    """Pool -> its files and the SD between them; variances are averaged as in `_Typical`."""
    variances = {pool: stdev(own) ** 2 for pool, own in values.items() if len(own) > 1}
    freedom = {pool: len(values[pool]) - 1 for pool in variances}
    if not variances:
        return {pool: (len(own), None) for pool, own in values.items()}
    lent = sum(variances[pool] * freedom[pool] for pool in variances) / sum(freedom.values())
    return {
        pool: (
            len(own),
            _averaged(lent, variances[pool], freedom[pool]) if pool in variances else None,
        )
        for pool, own in values.items()
    }


def _slopes(measures: Mapping[str, float], rule: Rule, row: Row) -> dict[str, float]:
    """Of the logarithm of the row's threshold on the logarithm of each measure."""

    def threshold(changed: Mapping[str, float]) -> float:
        bounds = rebuilt(rule.method, {**measures, **changed}, rule.markers, args=rule.args)
        (found,) = [one.linear for one in bounds if (one.marker, one.side) == (row["marker"], row["bound"])]
        return math.log(found) if found and found > 0 else math.nan

    return {
        name: (threshold({name: value * math.exp(STEP)}) - threshold({name: value * math.exp(-STEP)})) / (2.0 * STEP)
        for name, value in measures.items()
    }


def _between_files(own: Sequence[Row]) -> float | None:
    """SD between files of their own thresholds, on the gate's scale; of shapes it is not told."""
    values = [
        float(axis_of(row).to_scale(row["threshold_linear"])) for row in own if row["threshold_linear"] is not None
    ]
    return stdev(values) if len(values) >= LEAST_LENDERS else None


def _grouped(rows: Sequence[Row], width: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_pool_of(row, width)].append(row)
    return groups


def _pool_of(row: Row, width: str) -> Any:
    return "trial" if width == "trial" else row["subject_id" if width == "subject" else width]


def _numbers(text: str | Mapping[str, float] | None) -> Mapping[str, float]:
    return json.loads(text) if isinstance(text, str) else text or {}
