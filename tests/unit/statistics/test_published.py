"""The sheet of printed results: what is read, what is refused, and when a p is what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.errors import CytotrialError
from cytotrial.statistics.published import RECOMPUTED, VARIANTS, is_reproduced, read_printed, recompute, recomputed_rows
from cytotrial.tables import write_table

HEADER = "id\tsource\tendpoint\tvisit\tx_active\tn_active\tx_control\tn_control\tprinted\tnote\n"


@pytest.fixture
def sheet(tmp_path: Path):
    def write(*rows: str) -> Path:
        path = tmp_path / "printed.tsv"
        path.write_text(HEADER + "".join(row.replace(" ", "\t") + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def test_read(sheet) -> None:
    one, two = read_printed(sheet("a P SRI4 W12 16 29 9 30 0.052 first", "b P PR W12 10 13 NA  n.s. "))
    assert (one.id, one.table.x_active, one.table.n_control, one.printed, one.note) == ("a", 16, 30, "0.052", "first")
    assert (two.table, two.printed, two.note) == (None, "n.s.", "")
    assert recompute(two).p_values == () and not recompute(two).depends_on_variant


def test_every_mistake_at_once(sheet) -> None:
    path = sheet(
        "a P X W1 1 2 1 2 0.05 -",
        "a P X W1 3 2 1 2 0.05 -",
        "c P X W1 1.5 2 1 2 p=.05 -",
        " P X W1 1 2 0 0 <0.05 -",
    )
    with pytest.raises(CytotrialError) as raised:
        read_printed(path)
    told = [one.removeprefix(f"{path}, ").split(",")[0:2] for one in raised.value.problems]
    assert [row for row, _ in told] == ["row 3", "row 3", "row 4", "row 4", "row 5", "row 5"]
    assert "found 3 of 2, expected events of subjects" in str(raised.value)
    assert "row 3, id: found 'a' again" in str(raised.value)


@pytest.mark.parametrize(
    ("p", "printed", "wanted"),
    [
        (0.01345, "0.013", True),
        (0.0135001, "0.013", False),
        (0.0499, "0.05", True),
        (0.0499, "0.050", True),
        (0.0494, "0.050", False),
        (0.2, "n.s.", True),
        (0.04, "n.s.", False),
        (0.04, "<0.05", True),
        (0.06, ">0.05", True),
        (0.05, None, False),
        (float("nan"), "0.05", False),
    ],
)
def test_rounded_to_the_printed_digits(p: float, printed: str | None, wanted: bool) -> None:
    assert is_reproduced(p, printed) is wanted


def test_rows(sheet, tmp_path: Path) -> None:
    found = [recompute(one) for one in read_printed(sheet("a P X W1 4 29 0 30 NA -", "b P X W1 16 29 9 30 0.052 -"))]
    rows = recomputed_rows(found)
    assert len(rows) == 2 * len(VARIANTS) and all(set(row) == set(RECOMPUTED.columns) for row in rows)
    write_table(tmp_path / "out.tsv", RECOMPUTED, rows)
    lines = (tmp_path / "out.tsv").read_text().splitlines()
    assert lines[0].split("\t") == list(RECOMPUTED.columns)
    assert [line.split("\t")[6:] for line in lines if line.startswith("a\tneyman\t")] == [["NA", "NA", "Y", "NA", "NA"]]
