"""A small trial gated by the verbs, each on what the one before it wrote: what verbs that come later begin with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cytotrial.cli import main

CHECKOUT = Path(__file__).resolve().parents[3]
DEMO = CHECKOUT / "resources/demo/fcs"
FILES = {  # of two subjects, whose visits do not matter here; one that is not there
    "S001_W0_treg": ("S001", "treg"),
    "S002_W0_treg": ("S002", "treg"),
    "S001_W0_nk": ("S001", "nk"),
    "S001_W10_nk": ("S001", "nk"),
    "S002_W0_nk": ("S002", "nk"),
    "gone": ("S003", "nk"),
}
MADE = {
    "populations": "populations",
    "steps": "quality_steps",
    "ledger": "gates",
    "ungated": "not_placed",
    "moved-counts": "moved_counts",
}
HEADER = "sample_id\tfcs\tsubject_id\tvisit\tpanel\treplicate"


class CountedTrial:
    """The trial's folder: ``samples.tsv``, and what every job of the gating verbs wrote in ``work``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "work"

    def fcs(self, name: str) -> Path:
        """A file's path."""
        return DEMO / f"{name}.fcs"

    def names(self, panel: str, subject: str | None = None) -> list[str]:
        """The files of a panel that are there."""
        return [one for one, of in FILES.items() if of[1] == panel and subject in (None, of[0]) and one != "gone"]

    def write_sheet(self, *, reverse: bool = False) -> None:
        """``samples.tsv``."""
        rows = [f"{name}\t{self.fcs(name)}\t{of}\tW0\t{panel}\t{name}" for name, (of, panel) in FILES.items()]
        text = "\n".join([HEADER, *(rows[::-1] if reverse else rows), ""])
        (self.folder / "samples.tsv").write_text(text, encoding="utf-8")

    def verb(self, verb: str, *words: object) -> int:
        """Call a verb on the sheet."""
        return main([verb, f"--samples={self.folder / 'samples.tsv'}", *map(str, words)])

    def of_panel(self, panel: str, *subjects: str) -> list[str]:
        """The options that place-gates and apply-gates share."""
        files = {"markers": f"config/panels/{panel}.yaml", "gating": f"config/gating/{panel}.yaml"}
        given = [f"--{name}={CHECKOUT / path}" for name, path in files.items()]
        return [f"--panel={panel}", *given, "--subjects", *subjects]

    def of_all(self) -> list[str]:
        """The options of the verbs that look at all gated files."""
        found = [f"--tables={self.work}"]
        for option, folder in (("--markers", "panels"), ("--gating", "gating")):
            found += [option, *(f"{one}={CHECKOUT / 'config' / folder / one}.yaml" for one in ("treg", "nk"))]
        return found

    def apply_words(self, panel: str, *subjects: str, into: Path) -> list[str]:
        """The options of apply-gates for one job; what was read of some subjects is in the first one's tables."""
        read = {"intake": "intake", "gates": "agreed_gates", "not-placed": "not_agreed"}
        own = self.work / panel / subjects[0]
        given = [f"--{option}={own / name}.tsv" for option, name in read.items()]
        given += [f"--{option}={into / name}.tsv" for option, name in MADE.items()]
        return [*self.of_panel(panel, *subjects), *given, f"--grids={into / 'grids'}"]

    def gate(self) -> None:
        """Everything up to apply-gates."""
        self.write_sheet()
        jobs = sorted({(panel, subject) for subject, panel in FILES.values()})
        for panel, subject in jobs:
            own = [f"--{name}={self.work / panel / subject / name}.tsv" for name in ("landmarks", "intake")]
            assert self.verb("place-gates", *self.of_panel(panel, subject), *own) == 0
        given = [word for word in self.of_all() if word.startswith(("--gating", "treg=", "nk="))]
        gating = given[given.index("--gating") :]
        folders = [f"--{name}={self.work}" for name in ("landmarks", "gates", "not-placed")]
        assert self.verb("agree-gates", *gating, *folders) == 0
        for panel, subject in jobs:
            words = self.apply_words(panel, subject, into=self.work / panel / subject)
            assert self.verb("apply-gates", *words) == 0

    def copy_to(self, folder: Path) -> CountedTrial:
        """The trial for a test that changes it."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return CountedTrial(folder)


@pytest.fixture(scope="session")
def counted_trial(tmp_path_factory: pytest.TempPathFactory) -> CountedTrial:
    """Gated once; not to be changed: `CountedTrial.copy_to`."""
    trial = CountedTrial(tmp_path_factory.mktemp("counted"))
    trial.gate()
    return trial
