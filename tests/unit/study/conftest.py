"""A tiny whole trial on disk that a test spoils in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

CONFIG = """\
trial: {id: T1, title: "A tiny trial", baseline: W0}
arms:
  - {id: IL2, label: "Low-dose IL-2", role: active}
  - {id: PBO, label: "Placebo", role: control}
visits:
  - {id: W0, week: 0}
  - {id: W10, week: 10}
dosing:
  - {from_week: 0, to_week: 2}
sheets: {samples: config/samples.tsv, subjects: config/subjects.tsv, outcomes: config/outcomes.tsv}
panels:
  treg: {markers: config/panels/treg.yaml, gating: config/gating/treg.yaml}
readouts:
  - {id: cd4, panel: treg, population: cd4, denominators: [cd3, lymphocytes]}
analysis_sets: [itt, pp]
"""
SAMPLES = "".join(
    f"{row}\n"
    for row in (
        "sample_id\tfcs\tsubject_id\tvisit\tpanel\tcondition",
        "A0\tfcs/A0.fcs\tS1\tW0\ttreg\t",
        "A10\tfcs/A10.fcs\tS1\tW10\ttreg\t",
        "B0\tfcs/B0.fcs\tS2\tW0\ttreg\t",
        "B10\tfcs/B10.fcs\tS2\tW10\ttreg\t",
    )
)
SUBJECTS = "subject_id\tarm\tsite\titt\tpp\nS1\tIL2\tX\tY\tY\nS2\tPBO\tX\tY\tN\n"
OUTCOMES = "subject_id\tvisit\tendpoint\tvalue\nS1\tW10\tSRI4\t1\nS2\tW10\tSRI4\t\n"


@dataclass(frozen=True)
class Trial:
    """The folder of a trial."""

    root: Path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which must be there, in one of the trial's files."""
        path = self.root / "config" / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"the test's own mistake: {old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def path(self, name: str = "config.yaml") -> Path:
        """A file of the trial's config folder."""
        return self.root / "config" / name


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """Two subjects, two visits, one panel; nothing to mend."""

    def made(name: str, text: str) -> None:
        _write(tmp_path / name, text)

    made("config/config.yaml", CONFIG)
    made("config/samples.tsv", SAMPLES)
    made("config/subjects.tsv", SUBJECTS)
    made("config/outcomes.tsv", OUTCOMES)
    made("config/panels/treg.yaml", "markers: {CD3: {channel: APC-A}}\n")
    made("config/gating/treg.yaml", "populations: []\n")
    for name in ("A0", "A10", "B0", "B10"):
        made(f"fcs/{name}.fcs", "FCS3.0")
    return Trial(tmp_path)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
