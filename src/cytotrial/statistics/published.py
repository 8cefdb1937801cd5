"""Published p-values of rates recomputed: by which of nineteen tests does a printed p come out?"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.columns import Table
from cytotrial.errors import CytotrialError, problem
from cytotrial.statistics.methods import two_by_two_variants as further
from cytotrial.statistics.methods.two_by_two import NAN, TwoByTwo, chi_square_tests, fisher_tests, t_tests
from cytotrial.tables import read_table

ALPHA = 0.05
NOT_SIGNIFICANT = "n.s."
COUNTS = ("x_active", "n_active", "x_control", "n_control")
SHEET = Table("printed", ("id",), ("id", "source", "endpoint", "visit", *COUNTS, "printed", "note"))
RECOMPUTED = Table(
    "recomputed",
    ("id", "variant"),
    ("id", "variant", *COUNTS, "printed", "p_value", "is_two_sided", "is_below_alpha", "is_reproduced"),
)


@dataclass(frozen=True)
class Variant:
    """A test of two rates that a paper may have used; `p_value` is NaN where the counts do not allow it."""

    id: str
    label: str
    p_value: Callable[[TwoByTwo], float]
    is_two_sided: bool = True


# Chi-square tests, exact tests, t tests on 0 and 1, Wald tests, power divergences: what statistics packages offer.
# None is here, or left out, for what it gives.
VARIANTS = (
    Variant("pearson", "Pearson's chi-square", lambda table: chi_square_tests(table)["pearson_p"]),
    Variant("yates", "Yates's chi-square", lambda table: chi_square_tests(table)["yates_p"]),
    Variant("likelihood_ratio", "likelihood-ratio chi-square", lambda t: chi_square_tests(t)["likelihood_ratio_p"]),
    Variant("n_minus_1", "linear-by-linear (N-1)", lambda table: chi_square_tests(table)["n_minus_1_p"]),
    Variant("pearson_one_sided", "Pearson one-sided", further.pearson_one_sided_p, is_two_sided=False),
    Variant("fisher", "Fisher's exact", lambda table: fisher_tests(table)["fisher_p"]),
    Variant("fisher_greater", "Fisher greater", lambda t: fisher_tests(t)["fisher_greater_p"], is_two_sided=False),
    Variant("fisher_less", "Fisher less", lambda table: fisher_tests(table)["fisher_less_p"], is_two_sided=False),
    Variant("fisher_mid_p", "Fisher's mid-P", further.fisher_mid_p),
    Variant("barnard", "Barnard's exact", further.barnard_p),
    Variant("boschloo", "Boschloo's exact", further.boschloo_p),
    Variant("student_t", "Student's t on 0/1", lambda table: t_tests(table)["student_t_p"]),
    Variant("welch_t", "Welch's t on 0/1", lambda table: t_tests(table)["welch_t_p"]),
    Variant("wald_difference", "Wald risk difference", further.wald_difference_p),
    Variant("wald_log_odds_ratio", "Wald log odds ratio", further.wald_log_odds_ratio_p),
    Variant("arcsine", "arcsine difference", further.arcsine_p),
    Variant("freeman_tukey", "Freeman-Tukey", further.freeman_tukey_p),
    Variant("neyman", "Neyman's chi-square", further.neyman_p),
    Variant("cressie_read", "Cressie-Read", further.cressie_read_p),
)


@dataclass(frozen=True)
class PrintedResult:
    """A comparison of two rates as a paper prints it.

    Parameters
    ----------
    table : TwoByTwo or None
        None where the counts of an arm are not printed.
    printed : str or None
        The p-value's own text, as ``0.052``, ``<0.05`` or `NOT_SIGNIFICANT`; None where there is none.
    """

    id: str
    source: str
    endpoint: str
    visit: str
    table: TwoByTwo | None
    printed: str | None
    note: str


@dataclass(frozen=True)
class Recomputed:
    """The p-values of a printed result by every variant, in the order of `VARIANTS`; empty without counts."""

    result: PrintedResult
    p_values: tuple[float, ...]

    @property
    def reproducing(self) -> tuple[Variant, ...]:
        """The variants whose p is what is printed."""
        return tuple(variant for variant, p in self._each() if is_reproduced(p, self.result.printed))

    @property
    def below_alpha(self) -> tuple[Variant, ...]:
        """The two-sided variants with p < 0.05."""
        return tuple(variant for variant, p in self._each() if variant.is_two_sided and p < ALPHA)

    @property
    def not_below_alpha(self) -> tuple[Variant, ...]:
        """The two-sided variants with p >= 0.05."""
        return tuple(variant for variant, p in self._each() if variant.is_two_sided and p >= ALPHA)

    @property
    def depends_on_variant(self) -> bool:
        """Whether the choice of a two-sided test decides about p < 0.05."""
        return bool(self.below_alpha and self.not_below_alpha)

    def _each(self) -> Iterator[tuple[Variant, float]]:
        return zip(VARIANTS, self.p_values, strict=False)


def recompute(result: PrintedResult) -> Recomputed:
    """Every variant's p of a printed result.

    Examples
    --------
    >>> primary = PrintedResult("sri4", "He 2020", "SRI-4", "W12", TwoByTwo(16, 29, 9, 30), "0.052", "")
    >>> [variant.id for variant in recompute(primary).reproducing]
    ['n_minus_1', 'student_t', 'welch_t']
    """
    table = result.table
    return Recomputed(result, () if table is None else tuple(variant.p_value(table) for variant in VARIANTS))


def is_reproduced(p_value: float, printed: str | None) -> bool:
    """Whether a p, rounded to the printed digits, is the printed one.

    Examples
    --------
    >>> is_reproduced(0.0524, "0.052"), is_reproduced(0.0504, "0.052")
    (True, False)
    >>> is_reproduced(0.2, "n.s."), is_reproduced(0.2, "<0.05"), is_reproduced(0.2, None)
    (True, False, False)
    """
    if printed is None or math.isnan(p_value):
        return False
    if printed == NOT_SIGNIFICANT:
        return p_value >= ALPHA
    if printed[0] in "<>":
        bound = float(printed[1:])
        return p_value < bound if printed[0] == "<" else p_value > bound
    digits = len(printed.partition(".")[2])
    return f"{p_value:.{digits}f}" == printed


def recomputed_rows(all_recomputed: Iterable[Recomputed]) -> list[dict[str, Any]]:
    """The columns of `RECOMPUTED`: one row per comparison with counts and variant."""
    rows = []
    for one in all_recomputed:
        for variant, p_value in zip(VARIANTS, one.p_values, strict=False):
            row = {column: getattr(one.result.table, column) for column in COUNTS}
            row |= {"id": one.result.id, "variant": variant.id, "printed": one.result.printed, "p_value": p_value}
            row |= {"is_two_sided": variant.is_two_sided}
            row["is_below_alpha"] = NAN if math.isnan(p_value) else p_value < ALPHA
            unknown = one.result.printed is None or math.isnan(p_value)
            row["is_reproduced"] = NAN if unknown else variant in one.reproducing
            rows.append(row)
    return rows


def read_printed(path: Path) -> tuple[PrintedResult, ...]:
    """The sheet of printed results, in its order.

    Raises
    ------
    CytotrialError
        The sheet cannot be read, lacks a column, or has cells that cannot be; every mistake at once.
    """
    results, problems, seen = [], [], set()
    for number, row in enumerate(read_table(path, SHEET), start=2):
        where = f"{path}, row {number}"
        mistakes = list(_mistakes(row, where))
        if row["id"] in seen:
            mistakes.append(
                problem(f"{where}, id", found=f"{row['id']!r} again", expected="each id once", remedy="rename one")
            )
        seen.add(row["id"])
        problems.extend(mistakes)
        if not mistakes:
            results.append(_result(row))
    if problems:
        raise CytotrialError(problems)
    return tuple(results)


def _mistakes(row: dict[str, str | None], where: str) -> Iterator[str]:
    if not row["id"]:
        yield problem(f"{where}, id", found="an empty cell", expected="a name", remedy="fill it")
    printed = row["printed"]
    if printed not in (None, NOT_SIGNIFICANT) and not re.fullmatch(r"[<>]?[01]\.[0-9]+", str(printed)):
        expected = f"a p-value as 0.052 or <0.05, {NOT_SIGNIFICANT}, or an empty cell"
        yield problem(f"{where}, printed", found=repr(printed), expected=expected, remedy="correct it")
    cells = [row[column] for column in COUNTS]
    if not all(cell is None or re.fullmatch("[0-9]+", cell) for cell in cells):
        found = ", ".join(map(str, cells))
        yield problem(f"{where}, counts", found=found, expected="whole numbers or empty cells", remedy="correct them")
        return
    for x, n in (cells[:2], cells[2:]):
        if x is not None and n is not None and not int(x) <= int(n) > 0:
            yield problem(
                f"{where}, counts", found=f"{x} of {n}", expected="events of subjects", remedy="correct the counts"
            )


def _result(row: dict[str, str | None]) -> PrintedResult:
    counts = [row[column] for column in COUNTS]
    known = [int(cell) for cell in counts if cell is not None]
    return PrintedResult(
        id=row["id"] or "",
        source=row["source"] or "",
        endpoint=row["endpoint"] or "",
        visit=row["visit"] or "",
        table=TwoByTwo(*known) if len(known) == len(counts) else None,
        printed=row["printed"],
        note=row["note"] or "",
    )
