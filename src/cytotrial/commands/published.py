"""`cytotrial published`: the p-values that papers print, recomputed from the printed counts by nineteen tests."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cytotrial
from cytotrial.errors import CytotrialError, problem

if TYPE_CHECKING:
    from cytotrial.statistics.published import Recomputed, Variant

WIDTH = 120  # of the text on the console

LEGEND = (
    "Printed p-values, recomputed from the printed counts by every test in use.",
    "16/29 v 9/30: patients with the event, active and control arm. CR, PR: complete and partial remission.",
    "Tests are two-sided but for those named one-sided, greater (more events in the active arm) and less.",
    "* rounds to the printed p; - nothing printed; n.s. printed as not significant; NA cannot be computed.",
    "Linear-by-linear, which is (N-1)/N times Pearson's chi-square, is a row of SPSS's table.",
    "",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "--sheet",
        type=Path,
        help="the printed counts and p-values; default: resources/published/printed.tsv of the checkout",
    )
    parser.add_argument("--out", type=Path, help="also write every p-value into this tab-separated file")


def run(arguments: argparse.Namespace) -> None:
    """Print which test gives which printed p, and where the choice of the test decides about p < 0.05.

    Raises
    ------
    CytotrialError
        A mistake in the sheet, no sheet, or a file that cannot be written.
    """
    from cytotrial.statistics.published import RECOMPUTED, read_printed, recompute, recomputed_rows
    from cytotrial.tables import write_table

    found = [recompute(result) for result in read_printed(_sheet(arguments.sheet))]
    if arguments.out is not None:
        try:
            write_table(arguments.out, RECOMPUTED, recomputed_rows(found))
        except OSError as error:
            raise CytotrialError(
                problem(
                    f"--out {arguments.out}",
                    found=str(error.strerror),
                    expected="a file that can be written",
                    remedy="give another path",
                )
            ) from error
    sys.stdout.write("\n".join([*_table(found), "", *_verdicts(found), ""]))


def _sheet(given: Path | None) -> Path:
    """The sheet asked for, else the one of the checkout this package is run from."""
    path = given or Path(cytotrial.__file__).resolve().parents[2] / "resources" / "published" / "printed.tsv"
    if given is None and not path.is_file():
        raise CytotrialError(
            problem(
                "--sheet",
                found="no checkout around the installed package, and no option",
                expected="a sheet of printed results",
                remedy="give --sheet FILE, as resources/published/printed.tsv of a cytotrial checkout",
            )
        )
    return path


def _table(found: Sequence[Recomputed]) -> Iterator[str]:
    """A line per test, a column per comparison; what rounds to the printed p has a star."""
    from cytotrial.statistics.published import VARIANTS, is_reproduced

    shown = [one for one in found if one.p_values]
    yield from LEGEND
    for number, one in enumerate(shown, start=1):
        yield f"  ({number}) {_name(one)}"
    width = max(len(variant.label) for variant in VARIANTS)
    yield ""
    yield f"{'':{width}}" + "".join(f"{f'({number})':>9}" for number in range(1, len(shown) + 1))
    yield f"{'printed':{width}}" + " ".join(f"{one.result.printed or '-':>8}" for one in shown)
    for place, variant in enumerate(VARIANTS):
        cells = ""
        for one in shown:
            p_value = one.p_values[place]
            # Not for n.s., which most tests agree with: a star is a number that comes out.
            star = "*" if is_reproduced(p_value, one.result.printed) and one.result.printed[-1].isdigit() else " "
            cells += f"{_number(p_value):>8}{star}"
        yield f"{variant.label:{width}}{cells}".rstrip()


def _verdicts(found: Sequence[Recomputed]) -> Iterator[str]:
    for one in found:
        yield _name(one)
        for sentence in _sentences(one):
            yield textwrap.fill(sentence, WIDTH, initial_indent="    ", subsequent_indent="        ")
    yield ""
    for sentence in _summary(found):
        yield textwrap.fill(sentence, WIDTH, subsequent_indent="    ")


def _summary(found: Sequence[Recomputed]) -> Iterator[str]:
    """What follows for the reader: how many printed p-values come out, and which do not."""
    numbers = [one for one in found if one.p_values and one.result.printed and one.result.printed[-1].isdigit()]
    lost = [f"{one.result.printed} ({_name(one)})" for one in numbers if not one.reproducing]
    flips = [_name(one) for one in found if one.p_values and one.depends_on_variant]
    yield f"Of {len(numbers)} printed p-values {len(numbers) - len(lost)} come out of the printed counts by some test."
    if lost:
        yield f"By none: {'; '.join(lost)}. They rest on something that is not printed, or are mistakes."
    if flips:
        yield f"On which side of 0.05 p is depends on the test alone in: {'; '.join(flips)}."


def _sentences(one: Recomputed) -> Iterator[str]:
    from cytotrial.statistics.published import NOT_SIGNIFICANT

    printed = one.result.printed
    if not one.p_values:
        yield f"cannot be recomputed: {one.result.note or 'the counts are not printed'}"
        return
    if printed == NOT_SIGNIFICANT:
        yield f"printed {printed}: " + ("NOT by " + _names(one.below_alpha) if one.below_alpha else "so it is")
    elif printed is not None:
        yield f"printed {printed}: given by {_names(one.reproducing) or 'none of the tests'}"
    if one.depends_on_variant:
        yield f"The choice of test decides: p < 0.05 by {_names(one.below_alpha)}; not by {_names(one.not_below_alpha)}"
    else:
        yield f"p {'<' if one.below_alpha else '>='} 0.05 by every two-sided test"


def _name(one: Recomputed) -> str:
    result, table = one.result, one.result.table
    counts = f": {table.x_active}/{table.n_active} v {table.x_control}/{table.n_control}" if table else ""
    return f"{result.source}, {result.endpoint}, {result.visit}{counts}"


def _names(variants: Sequence[Variant]) -> str:
    return ", ".join(variant.label for variant in variants)


def _number(p_value: float) -> str:
    """Four decimals without the leading zero, as statistics packages print them; NA where there is none."""
    return "NA" if p_value != p_value else f"{p_value:.4f}".removeprefix("0")
