"""Verb ``export-gates``: every file's gates as GatingML, from the subjects' folders into one."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cytotrial.study.samples import read_samples

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--samples", type=Path, required=True, help="samples.tsv: whose gates are wanted")
    parser.add_argument("--gatingml", type=Path, required=True, help="folder of all subjects' folders of apply-gates")
    parser.add_argument("--out", type=Path, required=True, help="folder for <sample_id>.xml")


def run(arguments: argparse.Namespace) -> None:
    """Copy what there is of the sheet's samples; a file that could not be gated has none."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    for sample in read_samples(arguments.samples):
        name = f"{sample.sample_id}.xml"
        source = arguments.gatingml / sample.panel / sample.subject_id / "gatingml" / name
        if source.is_file():
            (arguments.out / name).write_bytes(source.read_bytes())
        else:
            log.warning("%s: no gates, so no GatingML", sample.sample_id)
