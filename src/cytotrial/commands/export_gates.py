"""Verb ``export-gates``: the gates that were used in every file, as GatingML."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cytotrial.commands import gated_files
from cytotrial.commands.gated_files import CountedFile, counted_files
from cytotrial.gating.drawn.strategy import DrawnStrategy

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    gated_files.add_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder for <sample_id>.xml")


def run(arguments: argparse.Namespace) -> None:
    """One document per file; one that could not be gated has none, and one that cannot be said is named in the log."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    for one in counted_files(arguments):
        name = f"{one.sample.sample_id}.xml"
        try:
            document = _drawn(one) if isinstance(one.strategy, DrawnStrategy) else _placed(one)
        except Exception:  # the counts stand, whether another program can be told of the gates or not
            log.exception("%s: not written", name)
            continue
        if document is None:
            log.warning("%s: not written, the workspace says its gates exactly", name)
        else:
            (arguments.out / name).write_bytes(document)


def _placed(one: CountedFile) -> bytes:
    from cytotrial.cytometry.panel_spillover import panel_spillover
    from cytotrial.cytometry.text_segment import read_text
    from cytotrial.exchange.gatingml import gatingml
    from cytotrial.gating.flowkit_model import flowkit_strategy  # FlowKit takes 1.7 s to import
    from cytotrial.gating.tree_from_ledger import ledger_tree

    text = read_text(Path(one.sample.fcs))
    tree = ledger_tree(one.strategy, one.gates, one.axes, panel_spillover(text, one.panel))
    return gatingml(flowkit_strategy(tree, text.names))


def _drawn(one: CountedFile) -> bytes | None:
    from cytotrial.gating.drawn.landmarks import gatingml_of
    from cytotrial.gating.opening import open_for

    tube = open_for(one.strategy, Path(one.sample.fcs), one.panel, sample_id=one.sample.sample_id)
    return gatingml_of(tube, one.strategy)
