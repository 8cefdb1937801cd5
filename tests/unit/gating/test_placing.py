"""The walk down one file: what is found, what is not done, and where children then hang."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cytotrial.cytometry import linear_events
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.landmarks import Bound, Landmark
from cytotrial.gating.placing import Placed, fallback_bounds, members, opposite, place_gates
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy

STRATEGY = """\
populations:
  - {id: in_range, parent: root, markers: [FSC-A], method: below_range, step: quality}
  - {id: steady_time, parent: in_range, markers: [Time], method: steady_signal, step: quality}
  - {id: live, parent: steady_time, markers: [viability], method: valley, args: {keep: below}, step: quality}
  - {id: cd3, parent: live, markers: [CD3], method: valley}
  - {id: cd3_negative, parent: live, markers: [CD3], method: opposite, args: {of: cd3}}
  - {id: cd4, parent: cd3, markers: [CD4], method: valley}
"""
Make = Callable[..., Tube]


def strategy(tmp_path: Path, text: str = STRATEGY) -> Strategy:
    """The strategy written in `text`."""
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return load_strategy(path)


def two(n: int, share: float, seed: int) -> np.ndarray:
    """Negatives, then positives at 4000."""
    rng = np.random.default_rng(seed)
    k = round(n * share)
    return np.concatenate([rng.normal(60, 110, n - k), 4000 * 10 ** rng.normal(0, 0.13, k)])


def columns(n: int = 4000) -> dict[str, np.ndarray]:
    """Half CD3+, a fifth dead, CD4 on half of either; steady over time."""
    dead = np.arange(n) % 5 == 0
    rng = np.random.default_rng(9)
    return {
        "FSC-A": rng.permutation(np.linspace(50_000, 90_000, n)),
        "Time": np.arange(n) / 1000.0,
        "viability": np.where(dead, 20_000.0, 200.0) * 10 ** rng.normal(0, 0.1, n),
        "CD3": rng.permutation(two(n, 0.5, 1)),
        "CD4": rng.permutation(two(n, 0.5, 2)),
    }


def outcomes(placed: list[Placed]) -> dict[str, str]:
    """Population -> outcome."""
    return {one.rule.id: one.outcome for one in placed}


def test_everything_found(make_tube: Make, tmp_path: Path) -> None:
    made = make_tube(columns())
    placed = {one.rule.id: one for one in place_gates(made, strategy(tmp_path))}
    assert {one.outcome for one in placed.values()} == {"found"}
    n_parent = {name: one.n_parent for name, one in placed.items()}
    assert n_parent["in_range"] == n_parent["steady_time"] == 4000
    assert n_parent["cd3"] == n_parent["cd3_negative"] == pytest.approx(3200, abs=60)
    assert n_parent["cd4"] == pytest.approx(1600, abs=80)


@pytest.mark.parametrize(
    ("lacking", "not_done"),
    [
        ({"viability"}, {"live": "no viability channel"}),
        ({"Time", "viability"}, {"live": "no viability channel", "steady_time": "no Time channel"}),
    ],
)
def test_optional_channel_missing(make_tube: Make, tmp_path: Path, lacking: set[str], not_done: dict[str, str]) -> None:
    """Its step is not done, and its children see its parent's events."""
    made = make_tube({k: v for k, v in columns().items() if k not in lacking})
    placed = {one.rule.id: one for one in place_gates(made, strategy(tmp_path))}
    assert {name: one.landmark.reason for name, one in placed.items() if one.outcome == "not_done"} == not_done
    assert placed["live"].n_parent is None
    assert placed["cd3"].outcome == "found"
    assert placed["cd3"].n_parent == 4000  # nothing took the dead away


def test_lineage_channel_missing_takes_its_children_along(make_tube: Make, tmp_path: Path) -> None:
    made = make_tube({k: v for k, v in columns().items() if k != "CD3"})
    placed = {one.rule.id: one for one in place_gates(made, strategy(tmp_path))}
    assert (placed["cd3"].outcome, placed["cd3"].landmark.reason) == ("not_done", "no CD3 channel")
    assert placed["cd3_negative"].outcome == "not_done"
    assert (placed["cd4"].outcome, placed["cd4"].landmark.reason) == ("not_found", "its parent cd3 was not found")
    assert placed["cd4"].n_parent is None


def test_not_found_lineage_takes_its_children_along(make_tube: Make, tmp_path: Path) -> None:
    made = make_tube(columns() | {"CD3": two(4000, 0.0, 1)})
    found = outcomes(place_gates(made, strategy(tmp_path)))
    assert {name for name, outcome in found.items() if outcome == "not_found"} == {"cd3", "cd3_negative", "cd4"}


def test_not_found_quality_step_is_passed_over(make_tube: Make, tmp_path: Path) -> None:
    made = make_tube(columns() | {"viability": two(4000, 0.0, 1)})
    placed = {one.rule.id: one for one in place_gates(made, strategy(tmp_path))}
    assert placed["live"].outcome == "not_found"
    assert placed["cd3"].outcome == "found"


@pytest.mark.parametrize("dump", [None, np.full(4000, 5.0)], ids=["no channel", "no dump cells"])
def test_optional_population_is_passed_over(make_tube: Make, tmp_path: Path, dump: np.ndarray | None) -> None:
    """Without a dump, or with nothing stained in it, monocytes stay in and lymphocytes are looked for all the same."""
    text = """\
populations:
  - {id: without_monocytes, parent: root, markers: [SSC-A, dump], method: corner, step: optional}
  - {id: cd3, parent: without_monocytes, markers: [CD3], method: valley}
"""
    made = make_tube(columns() | {"SSC-A": columns()["FSC-A"]} | ({} if dump is None else {"dump": dump}))
    corner, cd3 = place_gates(made, strategy(tmp_path, text))
    assert corner.outcome == ("not_done" if dump is None else "not_found")
    assert (cd3.outcome, cd3.n_parent) == ("found", 4000)


def test_children_of_a_gate_that_was_not_found_see_its_fallback(make_tube: Make, tmp_path: Path) -> None:
    text = STRATEGY.replace("markers: [CD3], method: valley}", "markers: [CD3], method: valley, fallback: 200}")
    values = np.random.default_rng(0).uniform(0, 250, 4000)
    made = make_tube(columns() | {"CD3": values})
    placed = {one.rule.id: one for one in place_gates(made, strategy(tmp_path, text))}
    assert placed["cd3"].outcome == "not_found"
    assert placed["cd4"].n_parent == pytest.approx(3200 * 50 / 250, rel=0.1)


def test_no_events(make_tube: Make, tmp_path: Path) -> None:
    made = make_tube({k: v[:0] for k, v in columns().items()})
    found = outcomes(place_gates(made, strategy(tmp_path)))
    assert found.pop("in_range") == "found"
    assert set(found.values()) == {"not_found"}


# Very large files.


def test_a_very_large_file_is_placed_by_a_part_of_it(
    make_tube: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same thresholds but for the noise of the part, and all of the run's time."""
    many = columns(40_000)
    whole = {one.rule.id: one for one in place_gates(make_tube(many), strategy(tmp_path))}
    monkeypatch.setattr(linear_events, "MOST_SEEN", 7000)  # every fifth is dead
    part = {one.rule.id: one for one in place_gates(make_tube(many), strategy(tmp_path))}
    assert outcomes(list(part.values())) == outcomes(list(whole.values())) == dict.fromkeys(whole, "found")
    assert (whole["in_range"].n_parent, part["in_range"].n_parent) == (40_000, 7000)
    for name in ("live", "cd3", "cd4"):
        (one,), (other,) = whole[name].landmark.bounds, part[name].landmark.bounds
        print(name, one.linear, other.linear)
        assert other.linear == pytest.approx(one.linear, rel=0.25)  # anywhere in an empty valley
        inside, outside = (many[one.marker] >= bound.linear for bound in (one, other))
        assert np.mean(inside != outside) < 0.002
    for placed in (whole, part):
        (bound,) = placed["steady_time"].landmark.bounds
        assert (bound.coordinates[0][0], bound.coordinates[-1][1]) == (0.0, np.nextafter(many["Time"][-1], np.inf))


# What it costs.

PLACE = """
import logging, sys
from pathlib import Path
from cytotrial.commands import place_gates as verb
from cytotrial.cytometry.fcs import read_fcs
from cytotrial.cytometry.panel import load_panel
from cytotrial.gating.ledger import landmark_rows
from cytotrial.gating.opening import tube_for
from cytotrial.gating.strategy_file import load_strategy
for panel in ("treg", "nk"):
    strategy = load_strategy(Path(f"config/gating/{panel}.yaml"))
    markers = load_panel(Path(f"config/panels/{panel}.yaml"))
    path = Path(f"resources/demo/fcs/S001_W0_{panel}.fcs")
    tube = tube_for(strategy, read_fcs(path), markers, sample_id="x", shown="x")
    placed = verb.place_gates(tube, strategy)
    print([one.outcome for one in placed].count("found"))
    for row in landmark_rows(tube, placed, sample={}):
        print(row)
print("SEEN", *[name for name in ("scipy", "pandas", "flowkit", "matplotlib", "numpy.ma") if name in sys.modules])
"""


def test_nothing_heavy_is_imported_to_place_gates(run_python: Callable) -> None:
    """SciPy alone takes longer to import than a subject's files take to be placed."""
    done = run_python(PLACE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("9", "SEEN")


def test_same_landmarks_whatever_the_threads(programs: dict[str, str], checkout: Path) -> None:
    """To the last digit: a table must not tell on how many cores it was made."""
    told = set()
    for threads in ("1", "2"):
        asked = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
        line = [sys.executable, "-c", PLACE]
        told.add(subprocess.run(line, capture_output=True, env=programs | asked, cwd=checkout, check=True).stdout)
    assert len(told) == 1


# Bounds.


def test_members(make_tube: Make) -> None:
    made = make_tube({"CD3": np.array([1.0, 2.0, 3.0, 4.0]), "CD4": np.array([1.0, 5.0, 1.0, 5.0])})
    assert members(made, (Bound("CD3", "min", 2.0),)).tolist() == [False, True, True, True]
    assert members(made, (Bound("CD3", "max", 3.0),)).tolist() == [True, True, False, False]
    both = (Bound("CD3", "min", 2.0), Bound("CD3", "max", 4.0), Bound("CD4", "max", 5.0))
    assert members(made, both).tolist() == [False, False, True, False]
    assert members(made, ()).all()


def test_members_of_shapes(make_tube: Make) -> None:
    made = make_tube(
        {"FSC-A": np.array([1.0, 5.0, 9.0]), "SSC-A": np.array([1.0, 5.0, 1.0]), "Time": np.array([0.0, 1.0, 2.0])}
    )
    square = Bound("FSC-A:SSC-A", "shape", None, ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0)))
    assert members(made, (square,)).tolist() == [False, True, False]
    time = Bound("Time", "shape", None, ((0.0, 1.0), (2.0, 3.0)))
    assert members(made, (time,)).tolist() == [True, False, True]  # from included, to not


@pytest.mark.parametrize(
    ("entry", "sides"),
    [
        ("markers: [CD3], method: valley, args: {keep: above}, fallback: 5", [("CD3", "min", 5.0)]),
        ("markers: [CD3], method: valley, args: {keep: below}, fallback: 5", [("CD3", "max", 5.0)]),
        ("markers: [CD3], method: relative_threshold, fallback: 5", [("CD3", "min", 5.0)]),
        ("markers: [A, B], method: quadrant, fallback: [5, 6]", [("A", "min", 5.0), ("B", "max", 6.0)]),
        ("markers: [A, B], method: reference_population, fallback: [5, 6]", [("A", "min", 5.0), ("B", "max", 6.0)]),
    ],
)
def test_fallback_keeps_the_side_that_the_method_keeps(
    tmp_path: Path, entry: str, sides: list[tuple[str, str, float]]
) -> None:
    rule = strategy(tmp_path, f"populations:\n  - {{id: x, parent: root, {entry}}}\n").rules[0]
    assert [(b.marker, b.side, b.linear) for b in fallback_bounds(rule)] == sides


def test_opposite() -> None:
    (bound,) = opposite(Landmark((Bound("CD3", "min", 700.0),), "seen"), "cd3").bounds
    assert (bound.marker, bound.side, bound.linear) == ("CD3", "max", 700.0)
    assert opposite(Landmark((), "no"), "cd3").reason == "cd3 was not found"
