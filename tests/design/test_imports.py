"""Arrows between rooms point down only, in no circle, and none leads from gating to the arms."""

from __future__ import annotations

import pytest

# docs/architecture.md: commands -> report -> figures -> planning -> statistics | quality | subsets -> gating
# -> cytometry | study -> tables -> columns, errors; simulate and exchange sit beside gating. Highest floor first.
FLOORS = (
    {"cli", "jobs"},
    {"commands"},
    {"report"},
    {"figures"},
    {"planning"},
    {"statistics", "quality", "subsets"},
    {"gating", "simulate", "exchange"},
    {"cytometry", "study"},
    {"tables", "documents", "statistics_columns"},
    {"columns", "errors", "provenance", "schemas", "job_resources", ""},
)
BESIDE = {("subsets", "quality")}  # arrows that are allowed on one floor
# Who must not reach whom, over any number of steps.
BLIND = {
    "gating": ("study.subjects", "study.config"),
    "cytometry": ("study.subjects", "study.config"),
    "commands.place_gates": ("study.subjects", "study.config"),
    "commands.agree_gates": ("study.subjects", "study.config"),
    "commands.apply_gates": ("study.subjects", "study.config"),
    "commands.check_counts": ("study.subjects", "study.config"),
    "commands.draw_gates": ("study.subjects", "study.config"),
    "commands.record_overrides": ("study.subjects", "study.config"),
    "commands.export_gates": ("study.subjects", "study.config"),
    "study.job_blocks": ("study.subjects", "study.config"),
    "study.overrides": ("study.subjects", "study.config"),
    "exchange.gatingml": ("study.subjects", "study.config"),
    "statistics": ("cytometry", "gating", "study"),
    "quality": ("cytometry", "gating", "study"),
    "subsets": ("cytometry", "gating", "study"),
    "simulate": ("gating", "statistics", "report"),
}


def floor_of(room):
    """0 is the highest; None for a room that no floor has."""
    return next((number for number, rooms in enumerate(FLOORS) if room in rooms), None)


def arrows_up(modules):
    """``a -> b`` for every import that does not point down."""
    for module in modules.values():
        for target in sorted(module.imports):
            start, end = module.room, modules[target].room
            if start != end and (start, end) not in BESIDE and not floor_of(start) < floor_of(end):
                yield f"{module.name} -> {target}"


def reached(modules, name):
    """Module -> how `name` comes to it, over any number of imports."""
    ways, waiting = {name: (name,)}, [name]
    while waiting:
        here = waiting.pop(0)
        for target in sorted(modules[here].imports):
            if target not in ways:
                ways[target] = (*ways[here], target)
                waiting.append(target)
    return ways


def circles(modules):
    """Every module that comes back to itself, with the way; packages on the way to their own modules aside."""
    for name, module in modules.items():
        for target in sorted(module.imports):
            ways = reached(modules, target)
            if name in ways:
                yield " -> ".join((name, *ways[name]))


def within(name, part):
    return name == part or name.startswith(f"{part}.")


def forbidden_ways(modules, start, ends):
    """The ways from the modules of `start` to those of `ends`."""
    for name in modules:
        if within(name, start):
            for end, way in reached(modules, name).items():
                if any(within(end, forbidden) for forbidden in ends):
                    yield " -> ".join(way)


def test_every_room_has_its_floor(modules):
    assert {module.name for module in modules.values() if floor_of(module.room) is None} == set()
    assert len(modules) > 60


def test_arrows_point_down(modules):
    assert list(arrows_up(modules)) == []


def test_no_import_goes_in_a_circle(modules):
    assert list(circles(modules)) == []


@pytest.mark.parametrize("start", BLIND)
def test_what_must_not_be_reached_is_not(start, modules):
    assert any(within(name, start) for name in modules), f"{start} is no longer there: mend this test"
    for forbidden in BLIND[start]:
        assert any(within(name, forbidden) for name in modules), f"{forbidden} is no longer there: mend this test"
    assert list(forbidden_ways(modules, start, BLIND[start])) == []


def test_walk_sees_an_arrow_up_a_circle_and_a_hidden_way(tmp_path, read_package):
    """The tests above on a package that breaks the rules: imports in functions, relative ones, whole packages."""
    sources = {
        "__init__.py": "",
        "tables.py": "def late():\n    from house.gating import placing\n",
        "gating/__init__.py": "",
        "gating/placing.py": "from ..cytometry import panel\nimport house.gating.agreeing\n",
        "gating/agreeing.py": "from house.gating.placing import place\n",
        "cytometry/__init__.py": "",
        "cytometry/panel.py": "from house import study\n",
        "study/__init__.py": "from house.study.subjects import arm\n",
        "study/subjects.py": "import csv\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    house = read_package(tmp_path, "house")
    assert list(arrows_up(house)) == [
        "cytometry.panel -> study",
        "tables -> gating",
        "tables -> gating.placing",
    ]
    assert "gating.placing -> gating.agreeing -> gating.placing" in list(circles(house))
    assert "gating.placing -> cytometry.panel -> study -> study.subjects" in list(
        forbidden_ways(house, "gating", ("study.subjects",))
    )


HEAVY = ("numpy", "pandas", "scipy", "flowkit", "flowio", "matplotlib", "statsmodels", "bokeh", "jinja2")


@pytest.mark.parametrize(
    "program",
    [
        "import cytotrial.jobs, cytotrial.provenance",
        "from cytotrial.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from cytotrial.cli import main\ntry: main(['check', '--help'])\nexcept SystemExit: pass",
        "from pathlib import Path\nfrom cytotrial.jobs import load_jobs\nload_jobs(Path('config/config.yaml'), Path())",
    ],
    ids=["jobs", "help", "check-help", "reading-the-bundled-trial"],
)
def test_nothing_heavy_is_imported(program, run_python, checkout):
    """What the Snakefile reads is read again by every call; a help text must not take a second."""
    done = run_python(
        f"{program}\nimport sys\nprint('SEEN', *[m for m in {HEAVY} if m in sys.modules])", folder=checkout
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "SEEN"


def test_the_workflows_own_files_import_nothing_heavy(checkout):
    for path in sorted((checkout / "workflow").rglob("*")):
        if path.suffix == ".smk" or path.name == "Snakefile":
            text = path.read_text(encoding="utf-8")
            assert not [name for name in HEAVY if f"import {name}" in text or f"from {name}" in text], path
