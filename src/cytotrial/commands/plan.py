"""`cytotrial plan`: power and interval width of a trial that has yet to be, against its patients and its events."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.planning.defaults import EVENTS, PATIENTS, SEED, TRIALS
from cytotrial.simulate.parameters import TRIALS as SIMULATED

if TYPE_CHECKING:
    from cytotrial.planning.assumptions import Assumptions

SMALLEST = {"patients": 2, "events": 100, "trials": 1, "seed": 0}
LARGEST = {"patients": 2_000, "events": 10_000_000, "trials": 100_000, "seed": 2**63 - 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--out", type=Path, required=True, help="folder for plan.tsv, plan.svg and assumptions.yaml")
    parser.add_argument("--assumptions", type=Path, help="your own numbers (YAML); what it leaves out is the trial's")
    parser.add_argument("--trial", choices=SIMULATED, help="whose design and numbers to begin with; default: he2020")
    parser.add_argument("--visits", help="ids with commas; default: the visit of strongest effect and the next one")
    patients, events = (",".join(map(str, numbers)) for numbers in (PATIENTS, EVENTS))
    parser.add_argument("--patients", default=patients, help="per arm, with commas; default: %(default)s")
    parser.add_argument("--events", default=events, help="per tube, with commas; default: %(default)s")
    parser.add_argument("--trials", default=str(TRIALS), help="simulated trials; default: %(default)s")
    parser.add_argument("--seed", default=str(SEED), help="same seed, same bytes; default: %(default)s")


def run(arguments: argparse.Namespace) -> None:
    """Print the assumptions and how many patients are needed; write the table, the picture and the assumptions.

    Raises
    ------
    CytotrialError
        With every mistake in the options and in the file, or a folder that cannot be written.
    """
    from cytotrial.figures.planning import draw_plan
    from cytotrial.planning.assumptions import DEFAULT_TRIAL, own_assumptions, packaged_assumptions
    from cytotrial.planning.power import PLAN, Grid, power_rows
    from cytotrial.planning.text import assumptions_yaml, plan_text
    from cytotrial.tables import write_table

    mistakes: list[str] = []
    numbers = {name: _numbers(name, getattr(arguments, name), mistakes) for name in SMALLEST}
    assumptions = None
    try:
        given, trial = arguments.assumptions, arguments.trial
        assumptions = own_assumptions(given, trial=trial) if given else packaged_assumptions(trial or DEFAULT_TRIAL)
    except CytotrialError as error:
        mistakes.extend(error.problems)
    visits = _visits(arguments.visits, assumptions, mistakes) if assumptions else ()
    mistakes.extend(_wrong_folder(arguments.out))
    if mistakes or assumptions is None:
        raise CytotrialError(mistakes)
    (trials,), (seed,) = numbers["trials"], numbers["seed"]
    grid = Grid(visits, numbers["patients"], numbers["events"], trials, seed)
    rows = power_rows(assumptions, grid)
    sys.stdout.write(plan_text(assumptions, grid, rows) + "\n")
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        write_table(arguments.out / f"{PLAN.name}.tsv", PLAN, rows)
        for name, text in (
            ("plan.svg", draw_plan(rows, grid)),
            ("assumptions.yaml", assumptions_yaml(assumptions)),
        ):
            (arguments.out / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise CytotrialError(_not_written(arguments.out, error)) from error


def _numbers(name: str, text: str, mistakes: list[str]) -> tuple[int, ...]:
    """Whole numbers parted by commas, ascending and each once; one number where only one is meant."""
    least, most = SMALLEST[name], LARGEST[name]
    words = [word.strip() for word in text.split(",")] if name in ("patients", "events") else [text.strip()]
    wrong = [word for word in words if not (word.isascii() and word.isdigit() and least <= int(word) <= most)]
    mistakes.extend(
        problem(
            f"--{name}",
            found=repr(word),
            expected=f"whole numbers from {least} to {most}" if len(words) > 1 else f"a whole number from {least}",
            remedy="change it",
        )
        for word in wrong
    )
    return () if wrong else tuple(sorted({int(word) for word in words}))


def _visits(text: str | None, assumptions: Assumptions, mistakes: list[str]) -> tuple[str, ...]:
    if text is None:
        return assumptions.usual_visits()
    known = assumptions.later_visits
    wanted = [word.strip() for word in text.split(",")]
    mistakes.extend(
        problem(
            "--visits",
            found=repr(visit) + did_you_mean(visit, known),
            expected=f"visits after baseline ({', '.join(known)})",
            remedy="correct the id",
        )
        for visit in wanted
        if visit not in known
    )
    return tuple(visit for visit in known if visit in wanted)


def _wrong_folder(out: Path) -> list[str]:
    if any(place.exists() and not place.is_dir() for place in (out, *out.parents)):
        return [problem(f"--out {out}", found="a file", expected="a folder", remedy="give another path")]
    return []


def _not_written(out: Path, error: OSError) -> str:
    return problem(
        f"--out {out}", found=str(error), expected="a folder that can be written", remedy="give another path"
    )
