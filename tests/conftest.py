"""What whole-run tests share: a small trial on disk cut out of the bundled one, and a way to run the workflow in it."""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
DEMO = CHECKOUT / "resources" / "demo"
SUBJECTS = ("S001", "S002", "S003", "S004")  # PBO, IL2, PBO, IL2
VISITS = ("W0", "W10")
PANELS = ("treg", "nk")
WEEK = {"W0": 0, "W2": 2, "W10": 10, "W12": 12}
ARMS = {"IL2": "active", "PBO": "control"}
READOUTS = {
    "cd4": ("treg", ("cd3", "lymphocytes")),
    "cd8": ("treg", ("cd3", "lymphocytes")),
    "treg": ("treg", ("cd4", "lymphocytes")),
    "nk": ("nk", ("lymphocytes",)),
    "cd56bright_nk": ("nk", ("nk", "lymphocytes")),
}
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class TrialFolder:
    """A trial of its own: ``config/`` and ``fcs/`` and nothing of the checkout."""

    root: Path

    def path(self, name: str) -> Path:
        """A file of the trial."""
        return self.root / name

    def rows(self, name: str) -> Rows:
        """A table's rows as text, ``NA`` as it is written."""
        with self.path(name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, delimiter="\t"))

    def write_rows(self, name: str, rows: Sequence[Mapping[str, str]]) -> None:
        """Write a sheet."""
        lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
        self.path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which must be there, by `new`."""
        text = self.path(name).read_text(encoding="utf-8")
        assert old in text, f"the test's own mistake: {old!r} is not in {name}"
        self.path(name).write_text(text.replace(old, new, 1), encoding="utf-8")

    def copy_to(self, folder: Path) -> TrialFolder:
        """The trial with its results, times of change and Snakemake's memory of what ran."""
        shutil.copytree(self.root, folder, dirs_exist_ok=True)
        return TrialFolder(folder)


@dataclass(frozen=True)
class PlannedJob:
    """One job of a dry run: what would run, why, on which files; `shell` where its commands are printed."""

    rule: str
    wildcards: str
    reason: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shell: str
    text: str


def demo_rows(name: str, *, subjects: Iterable[str], visits: Iterable[str], panels: Iterable[str]) -> Rows:
    """Rows of one of the bundled trial's sheets."""
    with (DEMO / name).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    kept = [row for row in rows if row["subject_id"] in set(subjects)]
    if "visit" not in rows[0]:
        return kept
    return [row for row in kept if row["visit"] in set(visits) and row["panel"] in set(panels)]


def config_text(*, visits: Sequence[str], panels: Sequence[str], arms: Iterable[str]) -> str:
    """A config.yaml of its own, not the bundled one's: what it says is known to the test."""
    lines = ['trial: {id: SMALL, title: "A small trial", baseline: W0, synthetic: true}', "arms:"]
    lines += [f"  - {{id: {arm}, label: The {arm} arm, role: {ARMS[arm]}}}" for arm in arms]
    lines += ["visits:", *(f"  - {{id: {visit}, week: {WEEK[visit]}}}" for visit in visits)]
    lines += ["dosing: [{from_week: 0, to_week: 2}]"]
    lines += ["sheets: {samples: config/samples.tsv, subjects: config/subjects.tsv}", "panels:"]
    lines += [f"  {one}: {{markers: config/panels/{one}.yaml, gating: config/gating/{one}.yaml}}" for one in panels]
    lines += ["readouts:"]
    lines += [
        f"  - {{id: {name}, panel: {panel}, population: {name}, denominators: [{', '.join(denominators)}]}}"
        for name, (panel, denominators) in READOUTS.items()
        if panel in panels
    ]
    return "\n".join([*lines, "analysis_sets: [mitt, itt, pp]", ""])


def write_trial(
    folder: Path,
    *,
    subjects: Sequence[str] = SUBJECTS,
    visits: Sequence[str] = VISITS,
    panels: Sequence[str] = PANELS,
) -> TrialFolder:
    """A part of the bundled trial as somebody's own: FCS files copied, sheets and configuration its own."""
    trial = TrialFolder(folder)
    for name in ("config/panels", "config/gating", "fcs"):
        trial.path(name).mkdir(parents=True)
    for panel in panels:
        for kind in ("panels", "gating"):
            shutil.copyfile(CHECKOUT / "config" / kind / f"{panel}.yaml", trial.path(f"config/{kind}/{panel}.yaml"))
    people = demo_rows("subjects.tsv", subjects=subjects, visits=visits, panels=panels)
    tubes = demo_rows("samples.tsv", subjects=subjects, visits=visits, panels=panels)
    for tube in tubes:
        source = CHECKOUT / tube["fcs"]
        tube["fcs"] = f"fcs/{source.name}"
        shutil.copyfile(source, trial.path(tube["fcs"]))
    trial.write_rows("config/samples.tsv", tubes)
    trial.write_rows("config/subjects.tsv", people)
    arms = [arm for arm in ARMS if arm in {person["arm"] for person in people}]
    trial.path("config/config.yaml").write_text(config_text(visits=visits, panels=panels, arms=arms), encoding="utf-8")
    return trial


def environment() -> dict[str, str]:
    """The environment with the running interpreter's programs first."""
    programs = Path(sys.executable).parent  # not resolved: in a virtual environment it is a link
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}", "PYTHONDONTWRITEBYTECODE": "1"}


def snakemake(folder: Path, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
    """The contract's own command line, in `folder`."""
    line = ["snakemake", "-s", str(CHECKOUT / "Snakefile"), "--directory", str(folder), "--cores", str(cores)]
    return subprocess.run(
        [*line, *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=folder.parent,
        timeout=600,
        check=False,
    )


def planned_jobs(output: str) -> list[PlannedJob]:
    """The jobs that a dry run prints."""
    found = []
    for block in re.split(r"\n(?=(?:local)?rule \w+:\n)", output):
        head = re.match(r"(?:local)?rule (\w+):\n", block)
        if head:
            text = block.split("\n\n")[0]
            field = {key: value.strip() for key, value in re.findall(r"^    (\w+): (.*)$", text, flags=re.MULTILINE)}
            files = (tuple(filter(None, field.get(key, "").split(", "))) for key in ("input", "output"))
            shell = text.partition("\nShell command: ")[2]
            found.append(PlannedJob(head[1], field.get("wildcards", ""), field.get("reason", ""), *files, shell, text))
    return found


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the repository."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A file or folder that lies beside the checkout (``../shared``), else the test is skipped."""

    def find(name: str) -> Path:
        place = CHECKOUT.parent / "shared" / name
        if not place.exists():
            pytest.skip(f"../shared/{name} is not beside the checkout")
        return place

    return find


@pytest.fixture(scope="session")
def random_gates() -> ModuleType:
    """The module ``random_gates.py`` beside this one, which tests in several folders share."""
    spec = importlib.util.spec_from_file_location("random_gates", Path(__file__).with_name("random_gates.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses ask for it
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def programs() -> dict[str, str]:
    """`environment`: what a test needs that calls the project's programs itself."""
    return environment()


@pytest.fixture(scope="session")
def make_trial() -> Callable[..., TrialFolder]:
    """`write_trial`."""
    return write_trial


@pytest.fixture(scope="session")
def run_workflow() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`snakemake`."""
    return snakemake


@pytest.fixture(scope="session")
def dry_run() -> Callable[..., list[PlannedJob]]:
    """The jobs that Snakemake would run in a folder."""

    def ask(folder: Path, *arguments: str) -> list[PlannedJob]:
        done = snakemake(folder, "--dry-run", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return planned_jobs(done.stdout)

    return ask


@pytest.fixture(scope="session")
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """A fresh interpreter with one program text: what is imported or opened there is that program's doing."""

    def run(program: str, *, folder: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-c", program]
        return subprocess.run(
            line, capture_output=True, text=True, env=environment(), cwd=folder, timeout=120, check=False
        )

    return run


@pytest.fixture(scope="session")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialFolder, subprocess.CompletedProcess[str]]:
    """Two arms, two subjects each, two visits, two panels: 16 good files, one whole run. Copy it before a change."""
    trial = write_trial(tmp_path_factory.mktemp("good") / "trial")
    return trial, snakemake(trial.root)
