"""Thresholds from staining controls (FMO, unstained) where the sheet has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Any

from cytotrial.cytometry.quantiles import quantiles
from cytotrial.gating.landmarks import Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.pools import WIDER, FileGate, pool_name, shows_negatives
from cytotrial.gating.strategy import Rule

LEAST_EVENTS = 200  # of the parent population in a control: fewer show no upper edge


def control_landmark(
    events: ParentEvents, rule: Rule, condition: str | None, *, among: str | None = None
) -> Landmark | None:
    """What a staining control says of a rule's first marker; None where it is no control of that marker.

    Parameters
    ----------
    among : str, optional
        Whose cells `events` are, where not the rule's parent's.

    Returns
    -------
    Landmark
        Without bounds: a control's own cells have no such gate. Its measure ``negative_<marker>`` is the quantile
        ``rule.control`` of the parent population's cells, linear, compensated.
    """
    marker = events.markers[0]
    if rule.control is None or not shows_negatives(condition, marker, events.axis(marker).channel):
        return None
    if len(events) < LEAST_EVENTS:
        return not_found(f"{len(events)} parent events in the control {condition}, fewer than {LEAST_EVENTS}")
    edge = float(quantiles(events.linear(marker), (rule.control,))[0])
    reason = (
        f"{100 * rule.control:g} % of {len(events)} {among or rule.parent} cells of {condition} lie below {edge:.0f}"
    )
    return Landmark((), reason, {f"negative_{marker}": edge})


class Controls:
    """The staining controls of a marker among a panel's files, by range and pool; each grouping is made once.

    Attributes
    ----------
    measure : str
        What a control's cells show, by its name among its measures.
    """

    def __init__(self, files: Iterable[FileGate], marker: str) -> None:
        self.measure = f"negative_{marker}"
        self._controls = [one for one in files if self.measure in one.measures]
        self._pools: dict[Any, dict[Any, list[FileGate]]] = {}

    def nearest(self, one: FileGate, widths: Sequence[str]) -> Iterator[tuple[str, list[FileGate]]]:
        """Controls of a file's range: of subject and batch, then of each width; FMO tubes before unstained ones."""
        for is_fmo in (True, False):
            that_day = self._of(one, is_fmo, "subject", "batch")
            if that_day:
                yield f"{pool_name('subject', one)}, batch {one.of_pool('batch')}", that_day
            for width in widths:
                found = self._of(one, is_fmo, width)
                if found:
                    yield pool_name(width, one), found

    def _of(self, one: FileGate, is_fmo: bool, *widths: str) -> list[FileGate]:
        ranges = one.kind[1]
        if (ranges, widths) not in self._pools:
            pools = defaultdict(list)
            for other in self._controls:
                if all(one.tops.get(marker) == top for marker, top in other.tops.items()):
                    pools[_is_fmo(other), *(other.of_pool(width) for width in widths)].append(other)
            self._pools[ranges, widths] = pools
        names = [one.of_pool(width) for width in widths]
        return [] if None in names else self._pools[ranges, widths].get((is_fmo, *names), [])


def from_control(one: FileGate, gate: list[dict[str, Any]], controls: Controls, rule: Rule) -> list[dict[str, Any]]:
    """A file's gate with its lower bound where the nearest staining control puts it.

    A gate of one threshold takes the FMO tube's, also where the file's own data showed none; one for bright cells (Treg
    are CD25hi, not merely CD25+) is raised to it where it lay lower, and so is any by an unstained tube.
    """
    marker, is_corner = rule.markers[0], len(rule.markers) > 1
    if one.first["is_control"] or one.first["outcome"] == "not_done" or (is_corner and not gate):
        return gate
    # Another subject's control was measured at other voltages: it counts only where the file shows no gate itself.
    widths = ("subject", "batch") if one.found else ("subject", *WIDER["batch"])
    for where, nearest in controls.nearest(one, widths):
        edge = median(other.measures[controls.measure] for other in nearest)
        bare = [{**row, "bound": "min", "coordinates": None} for row in one.rows if row["marker"] == marker]
        # An unstained tube has no other dye's spillover either: its edge is too low to lower a gate to.
        is_floor = is_corner or (bool(gate) and not _is_fmo(nearest[0]))
        return [_moved(row, marker, edge, nearest, where, is_floor=is_floor) for row in gate or bare]
    return gate


def _is_fmo(control: FileGate) -> bool:
    return str(control.first["condition"]).casefold().startswith("fmo")


def _moved(
    row: dict[str, Any], marker: str, edge: float, controls: Sequence[FileGate], where: str, *, is_floor: bool
) -> dict[str, Any]:
    if row["marker"] != marker or row["bound"] != "min" or (is_floor and row["threshold_linear"] >= edge):
        return row
    names = ", ".join(sorted(other.sample_id for other in controls))
    reason = f"median of the controls {names}"
    if len(controls) == 1:
        reason = f"{controls[0].first['reason']} ({names})"
    return {**row, "threshold_linear": edge, "source": "fmo", "pool": where, "reason": reason}
