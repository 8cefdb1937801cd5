"""How far a file's gate lies from its pool's: robust deviations of what its method read. Light: no numpy here."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from statistics import median

from cytotrial.gating.pools import FileGate, Peers, pool_name
from cytotrial.gating.strategy import Rule

LEAST_FILES = 6  # fewer show no spread
# Robust SD of a pool, at least, in decades (0.08 is 20 %): a pool of one instrument day agrees to the last digit, and
# then every other file would be far. Two placements nearer than that are the same gate for every purpose.
LEAST_SD = 0.08
LINEAR_PART = 50.0 / 262144.0  # of the range: below it, values differ by noise and not by folds
MAD_TO_SD = 1.4826
Spreads = dict[tuple[int, str], tuple[float, float] | None]  # pool and measure -> its middle and robust SD


def far_files(found: Sequence[FileGate], rule: Rule, held: Collection[str]) -> dict[str, str]:
    """Files whose placement lies far from that of files stained and measured alike: sample id -> why it is not used.

    Parameters
    ----------
    found : sequence of FileGate
        The files of one panel whose data showed the gate.
    held : collection of str
        Measures that differ between subjects by nature: never a reason.

    Notes
    -----
    Each measure, in decades, against the median and the MAD of the file's own batch where that has 6 files, else of
    all: gains differ from day to day. Beyond ``rule.far`` robust SDs it is far.
    """
    peers = Peers(found)
    spreads: Spreads = {}
    far = {}
    for one in found:
        if one.first["is_control"]:
            continue
        reasons = (_far(one, name, peers, rule.far or math.inf, spreads) for name in one.measures if name not in held)
        reason = next((told for told in reasons if told), None)
        if reason:
            far[one.sample_id] = reason
    return far


def _far(one: FileGate, name: str, peers: Peers, limit: float, spreads: Spreads) -> str | None:
    width = "batch" if len(peers.pool("batch", one)) >= LEAST_FILES else "trial"
    pool = peers.pool(width, one)
    if (id(pool), name) not in spreads:
        spreads[id(pool), name] = _middle_and_spread(pool, name)
    found = spreads[id(pool), name]
    if found is None:
        return None
    middle, spread = found
    distance = abs(decades(one, name) - middle) / spread
    if distance <= limit:
        return None
    return (
        f"{name} {_short(one.measures[name])} is {distance:.1f} robust SDs from the {len(pool)} files of "
        f"{pool_name(width, one)} (median {_short(peers.middle(width, one, name))})"
    )


def _middle_and_spread(pool: Sequence[FileGate], name: str) -> tuple[float, float] | None:
    """Median and robust SD of a measure in decades; None where too few files, or not all, have it."""
    if len(pool) < LEAST_FILES or any(name not in one.measures for one in pool):
        return None
    values = [decades(one, name) for one in pool]
    middle = median(values)
    return middle, max(MAD_TO_SD * median(abs(value - middle) for value in values), LEAST_SD)


def decades(one: FileGate, name: str) -> float:
    """A measure in decades; near zero, where an intensity is noise, in steps as wide as the noise."""
    value, top = one.measures[name], one.tops.get(name)
    if top is None:  # a ratio
        return math.log10(value) if value > 0 else -math.inf
    return math.asinh(value / (LINEAR_PART * top)) / math.log(10.0)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
