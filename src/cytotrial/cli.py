"""The command line: one verb per rule, each verb's module imported only when it is called."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from cytotrial import __version__
from cytotrial.errors import CytotrialError

# verb -> what it does; the module is cytotrial.commands.<verb with underscores>, which offers
# add_arguments(parser) and run(arguments).
VERBS = {
    "check": "check the configuration and the sheets, before any FCS file is opened",
    "place-gates": "read some subjects' files of a panel and find where each gate belongs",
    "agree-gates": "settle every file's gates, lending where one was not found; writes what they agree on",
    "apply-gates": "count the agreed and the moved gates in some subjects' files of a panel",
    "check-counts": "gate some files again with FlowKit itself; a single differing count is an error",
    "draw-gates": "draw the gates that were used in a panel's files",
    "record-overrides": "bring the history of the overrides sheet up to date",
    "tabulate": "counts to percentages: status, populations and subsets",
    "statistics": "change from baseline within arms, and between arms",
    "report": "the HTML report",
    "export-gates": "every file's gates as GatingML in one folder",
    "simulate": "write a synthetic trial with known truth",
    "plan": "power and interval width against patients per arm and events per tube",
    "published": "recompute the p-values that the papers print, by nineteen tests",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0 when done, 2 with one line per mistake when the user can mend it."""
    argv = list(sys.argv[1:] if argv is None else argv)
    for library in ("OPENBLAS", "OMP", "MKL"):  # several jobs share the machine, and small solves stall on threads
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    arguments = _parser(argv).parse_args(argv)
    try:
        arguments.run(arguments)
    except CytotrialError as error:
        for line in error.problems:
            print(f"ERROR: {line}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cytotrial", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    asked = next((word for word in argv if not word.startswith("-")), None)
    for verb, summary in VERBS.items():
        sub = verbs.add_parser(verb, help=summary, description=summary)
        if verb == asked:  # only the verb that runs is imported: help stays fast
            module = importlib.import_module(f"cytotrial.commands.{verb.replace('-', '_')}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser
