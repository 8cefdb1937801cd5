"""Method `quadrant`: the first marker above its valley, the second below its own."""

from __future__ import annotations

from cytotrial.cytometry.quantiles import picked
from cytotrial.gating.arguments import Quadrant
from cytotrial.gating.density import LEAST_EVENTS, ValleyFound, valley, valley_in
from cytotrial.gating.landmarks import Landmark, above_or_below, not_found
from cytotrial.gating.parent_events import ParentEvents


def place(events: ParentEvents, *, args: Quadrant) -> Landmark:
    """Two bounds: the first from the parent's density of its marker, the second from that of the cells it keeps.

    Notes
    -----
    CD4+ cells with a little CD8 (activated, or by spillover) lie below the valley that parts CD8+ T cells from the
    others, and yet clear of the CD4+CD8- cells: only among CD4+ cells is there a valley between the two. Where the
    kept cells show none, the parent's is taken.
    """
    if len(events) < LEAST_EVENTS:
        return not_found(f"{len(events)} parent events, fewer than {LEAST_EVENTS}")
    kept, dropped = events.markers
    first = valley_in(events.density(kept), prominence=args.prominence, least_share=args.least_share)
    if first is None:
        return not_found(f"no {kept} valley of prominence {args.prominence:g} among {len(events)} parent events")
    overall = valley_in(events.density(dropped), prominence=args.prominence, least_share=args.least_share)
    if overall is None:
        return not_found(f"no {dropped} valley of prominence {args.prominence:g} among {len(events)} parent events")
    clear = picked(events.scaled(dropped), events.scaled(kept) >= first.at)
    own = valley(clear, prominence=args.prominence, least_share=args.least_share)
    second = own if own and own.at < overall.at else overall
    low = float(events.axis(kept).to_linear(first.at))
    high = float(events.axis(dropped).to_linear(second.at))
    among = f" among {kept}+ cells" if second is own else ""
    return Landmark(
        (above_or_below(kept, "above", low), above_or_below(dropped, "below", high)),
        f"{_told(events, kept, first)}; {_told(events, dropped, second)}{among}",
        {kept: low, dropped: high},
    )


def _told(events: ParentEvents, marker: str, found: ValleyFound) -> str:
    left, right = (float(events.axis(marker).to_linear(peak)) for peak in (found.left, found.right))
    return f"{marker} valley between peaks at {left:.0f} and {right:.0f}, depth {100 * found.depth:.0f} %"
