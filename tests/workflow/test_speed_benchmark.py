"""The speed benchmark compares like with like, measures whole processes, and writes its page from its figures."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest

MODULES = (
    "__main__",
    "accounting",
    "answers",
    "document",
    "files",
    "floor",
    "gates",
    "gating",
    "processes",
    "targets",
    "whole",
)
N_EVENTS = 3000


@pytest.fixture(scope="module")
def speed(checkout):
    """The benchmark's modules; they are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        yield SimpleNamespace(**{name: importlib.import_module(f"benchmarks.speed.{name}") for name in MODULES})


@pytest.fixture(scope="module")
def files(speed, tmp_path_factory):
    return speed.files.write_files(tmp_path_factory.mktemp("files"), 2, N_EVENTS)


@pytest.fixture(scope="module")
def answers(speed, files):
    """Program -> its whole process."""
    return {
        name: speed.processes.run(speed.processes.python(module, *files))
        for name, module in speed.gating.PROGRAMS.items()
    }


def test_engine_counts_what_flowkit_counts(speed, files, answers):
    counts = {name: json.loads(used.output) for name, used in answers.items()}
    assert counts["engine"] == counts["flowkit"]
    own = counts["engine"][files[0].name]
    print(own)
    assert len(own) == 10, "ten gates"
    assert counts["engine"][files[0].name] != counts["engine"][files[1].name], "two files, not one file twice"
    assert all(10 <= n < N_EVENTS for n in own.values()), "a gate that holds nothing, or everything, costs nothing"
    assert speed.gating.differing_counts(answers["engine"], answers["flowkit"]) == 0


def test_shapes_are_three_polygons_six_rectangles_an_ellipse(speed):
    shapes = [type(gate.shape).__name__ for gate in speed.gates.gate_tree().gates]
    assert {name: shapes.count(name) for name in shapes} == {"Polygon": 3, "Rectangle": 6, "Ellipsoid": 1}


def test_a_differing_count_is_told(speed, answers):
    wrong = json.loads(answers["engine"].output)
    next(iter(wrong.values()))["cd4"] += 1
    other = speed.processes.Usage(0.0, 0.0, 0.0, json.dumps(wrong))
    assert speed.gating.differing_counts(answers["flowkit"], other) == 1
    with pytest.raises(RuntimeError, match="expected the same gates"):
        speed.gating.differing_counts(answers["flowkit"], answers["floor"])


def test_membership_is_compared_event_by_event(speed, files, tmp_path):
    assert speed.gating.differing_events(tmp_path, files, N_EVENTS) == {
        "differing_events": 0,
        "memberships": 10 * 2 * N_EVENTS,
    }
    a, b = tmp_path / "a", tmp_path / "b"
    for folder, inside in ((a, [True, False, True]), (b, [True, True, False])):
        folder.mkdir()
        speed.answers.write_membership(folder, files[0], {"cd4": inside, "cd8": [True, True, True]})
    name = f"{files[0].stem}.bits"
    assert speed.answers.differing_bits(a / name, b / name) == 2


def test_floor_reads_the_events(speed, files, answers):
    """Against FlowIO and a solution in double precision: the floor is no floor if it reads something else."""
    import flowio

    events = flowio.FlowData(str(files[0])).as_array()
    read = np.concatenate([block.copy() for block in speed.floor.blocks_of(files[0])])
    np.testing.assert_array_equal(read[:, :-1], events[:, :-1])
    detectors = events[:, 3:13]
    compensated = np.linalg.solve(speed.gates.matrix().T, detectors.T).T
    expected = dict(zip(speed.gates.MARKERS, (compensated > 1000.0).sum(axis=0)[:6].tolist(), strict=False))
    assert json.loads(answers["floor"].output)[files[0].name] == expected


def test_large_files_repeat_and_go_on(speed):
    events = np.column_stack([np.arange(1, 5), np.arange(1, 5), [0, 3, 7, 9]]).astype(np.float32)
    many = speed.files.repeated(events, 10, seed=1)
    assert many.shape == (10, 3) and many.dtype == np.float32
    np.testing.assert_array_equal(many[:4], events)
    np.testing.assert_array_equal(many[:, 2], [0, 3, 7, 9, 10, 13, 17, 19, 20, 23])
    assert 0 < np.abs(many[4:8, :2] / events[:, :2] - 1).max() < 0.02
    np.testing.assert_array_equal(many, speed.files.repeated(events, 10, seed=1))


def test_who_measures_is_small(run_python):
    """A process is born with the peak memory of the one that starts it: no numpy, pandas or FlowKit there."""
    program = "import sys, benchmarks.speed.__main__; print(sorted({'numpy', 'pandas', 'flowkit'} & set(sys.modules)))"
    done = run_python(program)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_process_is_measured_with_its_children(run_python, checkout):
    """By a process that is small itself, as the benchmark's is: this one's peak memory would be taken for its own."""
    busy = "import time; x = bytearray(60_000_000); t = time.process_time()\\nwhile time.process_time() - t < 0.2: pass"
    done = run_python(
        f"import sys; sys.path.insert(0, {str(checkout)!r})\n"
        "from benchmarks.speed.processes import run\n"
        f"used = run(['sh', '-c', 'python3 -c \"{busy}\"; echo done'])\n"
        "print(used.output == 'done\\n', used.cpu, used.wall, used.peak_mib)"
    )
    output, cpu, wall, peak = done.stdout.split()
    print(f"CPU {cpu} s, wall {wall} s, peak {peak} MiB")
    assert output == "True"
    assert 0.2 <= float(cpu) < 1.0 and float(wall) >= 0.2 and 60 < float(peak) < 120


def test_a_program_that_fails_is_not_measured(speed):
    with pytest.raises(RuntimeError, match="exit code 3"):
        speed.processes.run(["sh", "-c", "exit 3"])


def test_programs_take_turns(speed, monkeypatch):
    asked = []
    monkeypatch.setattr(speed.processes, "run", lambda line: asked.append(line[0]))
    speed.processes.interleaved({"one": ["1"], "two": ["2"], "three": ["3"]}, 3)
    assert asked == ["1", "2", "3", "2", "3", "1", "3", "1", "2"]


def test_jobs_are_noted(speed, tmp_path):
    account = speed.accounting.Account(tmp_path / "a folder")
    for words, status in ((["--version"], 0), (["check", "--no-such-option"], 2)):
        try:
            speed.processes.run([str(account.folder / "cytotrial"), *words], said=tmp_path / "said")
        except RuntimeError as error:
            assert status == 2 and "exit code 2" in str(error), "the job's own exit code is handed on"
    found = account.jobs()
    assert [one.verb for one in found] == ["--version", "check"]
    assert all(0 < one.cpu < 5 and 5 < one.peak_mib < 100 for one in found)


def test_verbs_are_added_up(speed):
    Job = speed.accounting.Job
    jobs = [Job("place-gates", 1.0, 2.0, 40.0), Job("report", 3.0, 3.0, 90.0), Job("place-gates", 2.0, 2.0, 50.0)]
    found = speed.whole.by_verb(jobs, {"place-gates": 0.25, "report": 1.0})
    assert found == {
        "place-gates": {"jobs": 2, "cpu": 3.0, "wall": 4.0, "start": 0.5, "peak_mib": 50.0},
        "report": {"jobs": 1, "cpu": 3.0, "wall": 3.0, "start": 1.0, "peak_mib": 90.0},
    }


def test_counts_of_the_workflow_are_held_against_flowkit(speed, tmp_path):
    table = tmp_path / speed.whole.TABLE
    table.parent.mkdir(parents=True)
    rows = ["sample_id\tpopulation\tn_events", "a\troot\t100", "a\tcd3\t40", "a\tcd4\tNA", "b\tcd3\t7"]
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert speed.whole.compare_counts(tmp_path, {"a": {"cd3": 40}, "b": {"cd3": 7}}) == (0, 2)
    assert speed.whole.compare_counts(tmp_path, {"a": {"cd3": 41, "cd4": 3}}) == (2, 2)
    with pytest.raises(RuntimeError, match="no population"):
        speed.whole.compare_counts(tmp_path, {"c": {"cd3": 1}})


VERBS = {
    verb: {"jobs": 60, "cpu": cpu, "wall": cpu, "start": 15.0, "peak_mib": peak}
    for verb, cpu, peak in (("place-gates", 40.0, 80.0), ("apply-gates", 25.0, 60.0))
} | {
    verb: {"jobs": 1, "cpu": 4.0, "wall": 4.0, "start": 1.0, "peak_mib": 120.0}
    for verb in ("agree-gates", "report", "statistics", "tabulate")
}


@pytest.fixture
def figures():
    """What a run might have measured; typed here, not measured."""

    def gating(n_events, under, over):
        return {
            "n_events": n_events,
            "n_files": 24,
            "rounds": 7,
            "cpu": {"flowkit": 6.8, "engine": 0.3, "floor": 0.15},
            "wall": {"flowkit": 6.9, "engine": 0.31, "floor": 0.16},
            "start": {"flowkit": 2.0, "engine": 0.12, "floor": 0.11},
            "under_flowkit": [under, under - 1, under + 1],
            "over_floor": [over, over - 0.5, over + 0.5],
            "differing_counts": 0,
            "differing_events": 0,
            "memberships": 24_000_000,
        }

    def memory(n_events, engine):
        peak = {"flowkit": 260.0, "engine": engine, "floor": 40.0}
        return {"n_events": n_events, "file_mib": 5.3, "peak_mib": peak, "cpu": peak, "differing_counts": 0}

    whole = {
        "n_files": 600,
        "n_events": 100_000,
        "rounds": 1,
        "cores": 2,
        "workflow": {"wall": 70.0, "cpu": 120.0},
        "flowkit": {"wall": 140.0, "cpu": 139.0},
        "verbs": VERBS,
        "snakemake": 20.0,
        "measuring": 2.0,
        "differing_counts": 0,
        "counts": 5000,
    }
    rows = {
        "gating": [gating(100_000, 20.0, 2.0), gating(1_000_000, 40.0, 4.0)],
        "memory": [memory(100_000, 36.0), memory(10_000_000, 37.0)],
        "whole": [whole],
        "dry_run": [{"n_files": 1200, "wall": 5.0, "cpu": 5.0, "peak_mib": 198.0}],
        "steps": [{"step": "draw the picture", "ms": 5.1}],
    }
    return {part: {"machine": "2 cores, some processor", "quick": False, "rows": own} for part, own in rows.items()}


def test_page_says_what_is_short(speed, figures):
    page = speed.document.document(figures)
    lines = page.splitlines()
    assert "| CPU under FlowKit's, 100k events a file | 20 x | at least 25 x | **SHORT** by 20 % |" in lines
    assert "| CPU under FlowKit's, 1M events a file | 40 x | at least 35 x | ok |" in lines
    assert "| peak memory of a gating job | 80 MiB | at most 96 MiB | ok |" in lines
    assert "| whole workflow of 600 files over FlowKit alone, wall time | 0.50 x | at most 1 x | ok |" in lines
    assert "| placing and agreeing over applying, CPU | 1.76 x | at most 2 x | ok |" in lines
    assert "| differing events and counts | 0 | at most 0 | ok |" in lines
    assert lines.count("- 2 cores, some processor") == 1
    for title in ("## Gating", "## Memory", "## The whole workflow", "## Planning"):
        assert title in lines
    figures["gating"]["rows"][0]["differing_events"] = 1
    assert "| differing events and counts | 1 | at most 0 | **SHORT** |" in speed.document.document(figures)


def test_page_of_a_part_leaves_the_rest_out(speed, figures):
    page = speed.document.document({"dry_run": figures["dry_run"]})
    assert "## Planning" in page and "## Gating" not in page and "SHORT" not in page
    assert page.count("not measured") == len(speed.targets.TARGETS)


def test_shares_are_of_everything(speed, figures):
    found = speed.document.shares(figures["whole"]["rows"][0])
    assert sum(found.values()) == pytest.approx(1.0)
    everything = 40 + 25 + 4 * 4 + 20 + 2
    assert found["gating"] == pytest.approx((25 + 10 + 3) / everything)
    assert found["Python start"] == pytest.approx((15 + 15 + 4) / everything)
    assert found["tables, headers"] == pytest.approx(3 / everything)


def test_numbers_fit_a_table(speed):
    values = (0.01234, 12.34, 1234.5, 600_000, 0)
    assert [speed.document.number(value) for value in values] == ["0.012", "12.3", "1 234", "600 000", "0"]


def test_the_page_is_made_of_the_figures(speed, checkout):
    page = checkout / "docs/benchmarks.md"
    figures = json.loads(speed.__main__.FIGURES.read_text(encoding="utf-8"))
    assert page.read_text(encoding="utf-8") == speed.document.document(figures), "written by hand? make bench"
