"""Which tables count: those that are named, or those of the sheet's subjects in the one folder that is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.errors import CytotrialError
from cytotrial.gating.subject_tables import tables_in

SHEET = "sample_id\tfcs\tsubject_id\tvisit\tpanel\nb0\tb.fcs\tB\tW0\tnk\na0\ta.fcs\tA\tW0\tnk\na1\tc.fcs\tA\tW1\tnk\n"


def test_tables_are_taken_as_they_are(tmp_path: Path) -> None:
    named = [tmp_path / "z.tsv", tmp_path / "a.tsv"]
    assert tables_in(named, "intake", samples=None) == named


def test_of_a_folder_only_the_sheets_subjects_count(tmp_path: Path) -> None:
    (tmp_path / "samples.tsv").write_text(SHEET, encoding="utf-8")
    (tmp_path / "work" / "nk" / "GONE").mkdir(parents=True)  # left there by an earlier run
    work = tmp_path / "work"
    found = tables_in([work], "intake", samples=tmp_path / "samples.tsv")
    assert found == [work / "nk" / "A" / "intake.tsv", work / "nk" / "B" / "intake.tsv"]


@pytest.mark.parametrize("mixed", [True, False])
def test_a_folder_needs_the_sheet_and_stands_alone(tmp_path: Path, mixed: bool) -> None:
    paths = [tmp_path, tmp_path / "a.tsv"] if mixed else [tmp_path]
    with pytest.raises(CytotrialError, match="expected tables, or one folder and the samples sheet"):
        tables_in(paths, "intake", samples=tmp_path / "samples.tsv" if mixed else None)
