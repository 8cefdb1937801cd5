"""A file's tube as its panel's strategy wants it: compensated by the panel, or as the people did who drew its gates."""

from __future__ import annotations

from pathlib import Path

from cytotrial.cytometry.fcs import FcsFile, read_fcs
from cytotrial.cytometry.panel import Panel
from cytotrial.cytometry.tube import Tube, tube_of
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.strategy import Strategy


def open_for(strategy: Strategy, path: Path, panel: Panel, *, sample_id: str) -> Tube:
    """Read a file and make it ready for the gates of `strategy`.

    Raises
    ------
    UnreadableFcsError
        The file cannot be used, or the strategy does not know it; the text says why.
    """
    return tube_for(strategy, read_fcs(path), panel, sample_id=sample_id, shown=path.name)


def doubts_about(strategy: Strategy, tube: Tube) -> list[str]:
    """What speaks against a file's gates being those that were meant: flags of the file."""
    if not isinstance(strategy, DrawnStrategy):
        return []
    from cytotrial.gating.drawn.landmarks import doubts

    return doubts(tube, strategy)


def tube_for(strategy: Strategy, file: FcsFile, panel: Panel, *, sample_id: str, shown: str) -> Tube:
    """As `open_for`, for a file already read."""
    if isinstance(strategy, DrawnStrategy):
        from cytotrial.gating.drawn.tube import drawn_tube  # imports FlowKit

        return drawn_tube(file, panel, strategy, sample_id=sample_id, shown=shown)
    return tube_of(file, panel, strategy.scale, sample_id=sample_id, shown=shown)
