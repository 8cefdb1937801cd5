"""An edit re-runs what depends on it and nothing else."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytestmark = pytest.mark.slow

SAMPLES = "config/samples.tsv"


@pytest.fixture
def trial(good_run, tmp_path):
    """A finished trial to edit."""
    return good_run[0].copy_to(tmp_path / "trial")


def wildcards(jobs, rule):
    return sorted(job.wildcards for job in jobs if job.rule == rule)


def brighter(path, channel, folds):
    """Multiply one channel of a file of the bundled trial: big-endian floats after a form-feed TEXT."""
    raw = path.read_bytes()
    start, end = int(raw[10:18]), int(raw[18:26])
    words = raw[start : end + 1].decode("ascii").strip("\x0c").split("\x0c")
    text = dict(zip(words[::2], words[1::2], strict=True))
    n_channels, first, last = (int(text[key]) for key in ("$PAR", "$BEGINDATA", "$ENDDATA"))
    events = np.frombuffer(raw[first : last + 1], dtype=">f4").reshape(-1, n_channels).copy()
    (column,) = [n for n in range(n_channels) if text.get(f"$P{n + 1}S") == channel]
    events[:, column] *= np.float32(folds)
    path.write_bytes(raw[:first] + events.tobytes() + raw[last + 1 :])


def tables(trial):
    """Every table, grid, picture and document of the results: its bytes, and when it was written."""
    folder = trial.path("results")
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".tsv", ".npz", ".svg", ".xml")]
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def without_uncertainty(raw):
    """A table's rows but for how sure a gate is: each file's is drawn a little towards the median of all."""
    header, *rows = (line.split("\t") for line in raw.decode().splitlines())
    kept = [number for number, name in enumerate(header) if name != "uncertainty"]
    return {tuple(row[number] for number in kept) for row in rows}


def test_a_file_that_changed_is_placed_alone_and_changes_no_other_subjects_results(trial, run_workflow, dry_run):
    """Every file's gates meet in one job, so all are counted again; what they have to say to each other is the same."""
    before = tables(trial)
    brighter(trial.path("fcs/S002_W10_treg.fcs"), "CD25", 1.03)
    assert wildcards(dry_run(trial.root), "place_gates") == ["panel=treg, block=S002"]
    done = run_workflow(trial.root)
    assert done.returncode == 0, done.stdout + done.stderr
    after = tables(trial)
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name][0] != before[name][0]}
    print("\n".join(sorted(changed)))
    own = {f"interim/treg/S002/{name}.tsv" for name in ("landmarks", "intake", "agreed_gates", "gates")}
    own |= {"interim/treg/S002/grids/S002_W10_treg.npz", "interim/treg/pictures/S002_W10_treg.svg"}
    assert changed >= own
    for name in changed - own:
        is_own = "S002" in name and ("/treg/" in name or name.endswith("_treg.xml"))
        is_as_sure = "/treg/" in name and name.endswith(("/agreed_gates.tsv", "/gates.tsv", "/moved_counts.tsv"))
        assert is_own or is_as_sure or name.startswith(("tables/", "stats/")), f"{name} has changed"
        if not is_own and name.endswith("gates.tsv") and not name.startswith("tables/"):
            assert without_uncertainty(after[name][0]) == without_uncertainty(before[name][0]), name
    written = {name for name in after if after[name][1] != before[name][1] and name.endswith("landmarks.tsv")}
    assert written == {"interim/treg/S002/landmarks.tsv"}
    for name in ("status", "gates", "populations", "subsets"):
        new, old = (without_uncertainty(one[f"tables/{name}.tsv"][0]) for one in (after, before))
        assert {row[0] for row in new - old} <= {"S002_W10_treg", "S002_W0_treg"}, name
    assert dry_run(trial.root) == []


def test_a_file_that_was_only_touched_is_not_placed_again(trial, dry_run):
    """As long as it is small: of large files Snakemake looks at the time alone."""
    trial.path("fcs/S002_W10_treg.fcs").touch()
    assert dry_run(trial.root) == []


def test_larger_jobs_gate_all_again_once(trial, dry_run):
    with trial.path("config/config.yaml").open("a", encoding="utf-8") as stream:
        stream.write("run: {subjects_per_job: 3}\n")
    jobs = dry_run(trial.root)
    expected = [f"panel={panel}, block={block}" for panel in ("nk", "treg") for block in ("S001_to_S003", "S004")]
    assert wildcards(jobs, "place_gates") == [one for one in expected if "S004" not in one]
    assert set(wildcards(jobs, "apply_gates")) == set(expected)


def test_another_share_for_flowkit_checks_counts_and_nothing_else(trial, dry_run):
    with trial.path("config/config.yaml").open("a", encoding="utf-8") as stream:
        stream.write("run: {flowkit_percent: 100}\n")
    jobs = {job.rule for job in dry_run(trial.root)}
    assert "check_counts" in jobs and not jobs & {"place_gates", "agree_gates", "apply_gates", "draw_gates"}


def test_another_batch_of_one_file_places_the_gates_of_its_subject_alone(trial, dry_run):
    rows = trial.rows(SAMPLES)
    edited = [{**row, "batch": "other-day"} if row["sample_id"] == "S002_W10_treg" else row for row in rows]
    assert edited != rows
    trial.write_rows(SAMPLES, edited)
    jobs = dry_run(trial.root)
    assert wildcards(jobs, "place_gates") == ["panel=treg, block=S002"]
    assert {"agree_gates", "tabulate"} <= {job.rule for job in jobs}


def test_another_order_of_the_sheet_places_no_gate(trial, dry_run):
    trial.write_rows(SAMPLES, trial.rows(SAMPLES)[::-1])
    assert not {"place_gates", "agree_gates", "apply_gates"} & {job.rule for job in dry_run(trial.root)}


def test_a_new_subject_places_the_gates_of_no_other(trial, dry_run, make_trial, tmp_path):
    newcomer = make_trial(tmp_path / "newcomer", subjects=("S005",))
    for sheet in (SAMPLES, "config/subjects.tsv"):
        # first in the sheet, so that every other row's number changes
        trial.write_rows(sheet, [*newcomer.rows(sheet), *trial.rows(sheet)])
    for file in newcomer.path("fcs").iterdir():
        shutil.copy2(file, trial.path("fcs"))
    jobs = dry_run(trial.root)
    assert wildcards(jobs, "place_gates") == ["panel=nk, block=S005", "panel=treg, block=S005"]


def test_a_subject_taken_out_places_no_gate(trial, dry_run):
    for sheet in (SAMPLES, "config/subjects.tsv"):
        trial.write_rows(sheet, [row for row in trial.rows(sheet) if row["subject_id"] != "S003"])
    jobs = dry_run(trial.root)
    assert wildcards(jobs, "place_gates") == []
    assert {"agree_gates", "tabulate", "statistics", "report"} <= {job.rule for job in jobs}


def test_another_strategy_gates_its_own_panel_again(trial, dry_run):
    trial.edit("config/gating/nk.yaml", "mads: 6.0", "mads: 5.0")
    jobs = dry_run(trial.root)
    assert wildcards(jobs, "place_gates") == [f"panel=nk, block=S00{number}" for number in (1, 2, 3, 4)]


def test_another_title_makes_no_gate_again(trial, dry_run):
    trial.edit("config/config.yaml", "A small trial", "The same trial")
    jobs = {job.rule for job in dry_run(trial.root)}
    assert "report" in jobs and not jobs & {"place_gates", "agree_gates", "apply_gates"}
