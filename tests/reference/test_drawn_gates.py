"""Gates drawn by people, applied as drawn: FlowJo's own counts, and GatingML's compliance set event for event."""

from __future__ import annotations

import csv
import logging
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cytotrial.columns import GATES, POPULATIONS, STATUS, SUBSETS
from cytotrial.cytometry.panel import MarkerRule, Panel
from cytotrial.gating.drawn.contents import read_contents
from cytotrial.gating.flowkit_model import Population, gate_tube
from cytotrial.gating.ledger import gate_rows, landmark_rows, read_gates, read_landmarks
from cytotrial.gating.opening import open_for
from cytotrial.gating.placing import place_gates
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.tables import format_cell, read_table

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / "resources" / "real-data" / "flowjo_gates"
WORKSPACE = "workspace_v12f68938.wsp"
NO_PANEL = Panel({}, {}, None, "fcs")
FLOWJO = {"cd3": "T cells", "cd4": "CD4", "cd8": "CD8", "treg": "Treg"}
FILES = (
    "390C/390C_BM_027.fcs",
    "390C/390C_Ileum_028.fcs",
    "390C/390C_Lung_029.fcs",
    "412C/412C_BM_032.fcs",
    "412C/412C_Blood_025.fcs",
    "412C/412C_Ileum_027.fcs",
    "412C/412C_mLN_026.fcs",
)
# FlowKit steps through FlowJo's biexponential in a table of 4,097 values, FlowJo in one of its own.
SHARE, EVENTS = 0.01, 5
# The set has no truth for a second ellipse, and another name for one gate's truth.
TRUTH_OF = {"ParRectangle1": "ParQuadRect"}
NO_TRUTH = {"myEllipse2"}


@pytest.fixture(scope="module")
def flowatlas(shared: Callable[[str], Path]) -> Path:
    """The public files and their workspace."""
    return shared("data/flowatlas")


@pytest.fixture(scope="module")
def compliance(shared: Callable[[str], Path]) -> Path:
    """GatingML 2.0's compliance set."""
    return shared("data/flowkit/gate_ref")


def flowjo_counts(folder: Path) -> dict[tuple[str, str], int]:
    """FlowJo's own counts: file's stem and gate's name -> events."""
    with (folder / "truth.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["population"] in FLOWJO.values()]
    return {(Path(row["file"]).stem, row["population"]): int(row["count"]) for row in rows}


def close(ours: int, theirs: int) -> bool:
    return abs(ours - theirs) <= max(SHARE * theirs, EVENTS)


@pytest.mark.parametrize("file", FILES)
def test_flowjos_own_counts(file: str, flowatlas: Path) -> None:
    strategy = load_strategy(flowatlas / WORKSPACE, EXAMPLE / "config" / f"gates{file[:4]}.yaml")
    tube = open_for(strategy, flowatlas / file, NO_PANEL, sample_id="S")
    counted = {one.id: one.n_events for one in gate_tube(tube, strategy, [])}
    truth = {name: flowjo_counts(flowatlas)[Path(file).stem, FLOWJO[name]] for name in FLOWJO}
    print()
    for name, theirs in truth.items():
        print(f"{Path(file).stem:16} {name:5} FlowJo {theirs:6} ours {counted[name]:6} {counted[name] - theirs:+d}")
    assert [name for name, theirs in truth.items() if not close(counted[name], theirs)] == []


CHANNELS = {  # of donor 412C, whose files have no $PnS
    "CD3": "FJComp-355 379_28-A",
    "CD4": "FJComp-355 820_60-A",
    "CD8": "FJComp-355 560_40-A",
    "B": "FJComp-405 585_15-A",
    "Foxp3": "FJComp-561 585_15-A",
    "CD127": "FJComp-561 780_60-A",
}
SINGLE = """
strategy: single
populations:
  - {{id: non_b, parent: root, markers: [B, CD8], method: flowjo, args: {{file: {file}, gate: non-B}}}}
  - {{id: cd3, parent: non_b, markers: [CD8, CD3], method: flowjo, args: {{file: {file}, gate: non-B/T cells}}}}
  - {{id: cd4, parent: cd3, markers: [CD4, CD8], method: flowjo, args: {{file: {file}, gate: non-B/T cells/CD4}}}}
  - {{id: cd8, parent: cd3, markers: [CD4, CD8], method: flowjo, args: {{file: {file}, gate: non-B/T cells/CD8}}}}
  - {{id: treg, parent: cd4, markers: [Foxp3, CD127], method: flowjo, args: {{file: {file}, gate: {treg}}}}}
"""


def as_text(rows: list[dict]) -> list[dict]:
    """Rows as they come back from a table."""
    return [
        {key: None if format_cell(value) == "NA" else format_cell(value) for key, value in row.items()} for row in rows
    ]


@pytest.mark.parametrize("file", FILES[3:])
def test_single_gates_in_a_yaml_strategy_count_as_flowjo_does(file: str, flowatlas: Path, tmp_path: Path) -> None:
    """Rectangles and polygons of FlowJo's biexponential, through the ledger, as polygons on our logicle scale."""
    path = tmp_path / "single.yaml"
    path.write_text(SINGLE.format(file=flowatlas / WORKSPACE, treg="non-B/T cells/CD4/Treg"), encoding="utf-8")
    strategy = load_strategy(path)
    rules = {marker: MarkerRule(channel, None, False) for marker, channel in CHANNELS.items()}
    tube = open_for(strategy, flowatlas / file, Panel(rules, {}, None, "none"), sample_id="S")
    sample = dict.fromkeys(("panel", "subject_id", "batch", "site", "condition")) | {
        "sample_id": "S",
        "is_control": False,
    }
    rows = landmark_rows(tube, place_gates(tube, strategy), sample=sample)
    used, missing = agree(read_landmarks(as_text(rows)), {rule.id: rule for rule in strategy.rules})
    assert missing == [] and {row["source"] for row in used} == {"fixed"}
    counted = {one.id: one.n_events for one in gate_tube(tube, strategy, read_gates(as_text(gate_rows(used))))}
    truth = {name: flowjo_counts(flowatlas)[Path(file).stem, FLOWJO[name]] for name in FLOWJO}
    print("\n", Path(file).stem, {name: (theirs, counted[name]) for name, theirs in truth.items()})
    assert [name for name, theirs in truth.items() if not close(counted[name], theirs)] == []


def compliance_populations(folder: Path, gml: Path, scratch: Path) -> dict[str, Population]:
    """Every population of a file of the set, through our path: gate name -> events."""
    contents = read_contents(gml)
    ids = {re.sub(r"\W", "_", path[-1]): path for path in contents.paths() if contents.entry(path).holds_events}
    gate_map = scratch / "map.yaml"
    lines = [f'  {name}: "{"/".join(path)}"\n' for name, path in ids.items()]
    gate_map.write_text("populations:\n" + "".join(lines), encoding="utf-8")
    strategy = load_strategy(gml, gate_map)
    tube = open_for(strategy, folder / "data1.fcs", NO_PANEL, sample_id="data1")
    assert tube.absent == {}
    return {ids[one.id][-1]: one for one in gate_tube(tube, strategy, []) if one.id != "root"}


def test_gatingml_compliance_set_event_for_event(
    compliance: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    compared, met = 0, set()
    for gml in sorted((compliance / "gml").glob("*.xml")):
        if gml.name == "gml_range_gate_attr_testing.xml":
            continue  # made to be refused, below
        for name, population in compliance_populations(compliance, gml, tmp_path).items():
            if name in NO_TRUTH:
                continue
            truth = compliance / "truth" / f"Results_{TRUTH_OF.get(name, name)}.txt"
            inside = np.loadtxt(truth, dtype=int).astype(bool)
            differ = int((population.inside != inside).sum())
            assert differ == 0, f"{gml.name}, {name}: {differ} of {len(inside)} events"
            compared += 1
            met.add(truth.name)
    print(f"{compared} gates of {len(met)} truths, every event equal")
    assert met == {path.name for path in (compliance / "truth").glob("*.txt")}


def test_gatingml_that_the_schema_forbids_is_refused(compliance: Path, tmp_path: Path) -> None:
    from cytotrial.errors import CytotrialError

    gate_map = tmp_path / "map.yaml"
    gate_map.write_text("populations: {a: Range1}\n", encoding="utf-8")
    with pytest.raises(CytotrialError, match="line 7: found Element 'sample'"):
        load_strategy(compliance / "gml" / "gml_range_gate_attr_testing.xml", gate_map)


FLOWJO_EXAMPLES = {
    "simple_diamond_example/simple_diamond_example_quad_gate.wsp": "test_data_diamond_01.fcs",
    "simple_diamond_example/test_data_diamond_biex_rect.wsp": "test_data_diamond_01.fcs",
    "simple_diamond_example/test_data_diamond_asinh_rect.wsp": "test_data_diamond_01.fcs",
    "simple_line_example/single_ellipse_51_events.wsp": "data_set_simple_line_100.fcs",
}


@pytest.mark.parametrize("name", FLOWJO_EXAMPLES)
def test_every_gate_of_flowjos_small_workspaces(name: str, shared: Callable[[str], Path], tmp_path: Path) -> None:
    """FlowJo wrote its own counts into these: quadrants, ranges, an ellipse; biexponential, asinh and linear scales."""
    workspace = shared("data/flowkit") / name
    contents = read_contents(workspace)
    sample = next(one for one in contents.samples if one.casefold() == FLOWJO_EXAMPLES[name].casefold())
    tree = contents.tree(sample)
    ids = {f"p{number}": path for number, path in enumerate(tree)}
    gate_map = tmp_path / "map.yaml"
    lines = [f'  {one}: "{"/".join(path)}"\n' for one, path in ids.items()]
    gate_map.write_text("populations:\n" + "".join(lines), encoding="utf-8")
    strategy = load_strategy(workspace, gate_map)
    tube = open_for(strategy, workspace.parent / FLOWJO_EXAMPLES[name], NO_PANEL, sample_id="S")
    counted = {one.id: one.n_events for one in gate_tube(tube, strategy, [])}
    truth = {one: tree[path].count for one, path in ids.items()}
    print("\n", name, [(ids[one][-1], truth[one], counted[one]) for one in ids])
    assert all(truth[one] is not None for one in ids)
    assert [one for one in ids if not close(counted[one], truth[one] or 0)] == []


@pytest.fixture(scope="module")
def whole_run(
    flowatlas: Path, tmp_path_factory: pytest.TempPathFactory, run_workflow: Callable[..., subprocess.CompletedProcess]
) -> Path:
    """The worked example, from the files to the report."""
    trial = tmp_path_factory.mktemp("drawn") / "trial"
    shutil.copytree(EXAMPLE / "config", trial / "config")
    (trial / "fcs").symlink_to(flowatlas, target_is_directory=True)
    done = run_workflow(trial)
    assert done.returncode == 0, done.stderr[-3000:]
    return trial / "results"


@pytest.mark.slow
def test_whole_run_counts_as_flowjo_does(whole_run: Path, flowatlas: Path) -> None:
    rows = read_table(whole_run / "tables" / "populations.tsv", POPULATIONS)
    ours = {(row["sample_id"], row["population"]): int(row["n_events"] or -1) for row in rows}
    truth = flowjo_counts(flowatlas)
    assert {name for name, _ in ours} == {Path(file).stem for file in FILES}
    wrong = [
        (file, name) for file, name in ours if name != "root" and not close(ours[file, name], truth[file, FLOWJO[name]])
    ]
    assert wrong == []
    assert {row["parent"] for row in rows if row["population"] == "treg"} == {"cd4"}
    assert {row["parent"] for row in rows if row["population"] == "cd3"} == {"root"}  # "non-B" is not mapped


@pytest.mark.slow
def test_whole_run_tells_what_was_and_was_not_done(whole_run: Path) -> None:
    for row in read_table(whole_run / "tables" / "status.tsv", STATUS):
        steps = {part.split(":")[0] for part in str(row["not_done"]).split("; ")}
        assert (row["status"], steps) == ("ok", {"in_range", "steady_time", "singlets", "live"})
    gates = read_table(whole_run / "tables" / "gates.tsv", GATES)
    assert {(row["source"], row["method"]) for row in gates} == {("fixed", "flowjo")}
    chain = {row["population"] for row in gates if str(row["sample_id"]).startswith("412C")}
    assert chain == {"root/non-B", *FLOWJO}
    assert all(str(row["reason"]).startswith(f"drawn in {WORKSPACE}: ") for row in gates)


@pytest.mark.slow
def test_whole_run_has_percentages_pictures_and_a_report_without_the_workspace(whole_run: Path) -> None:
    subsets = {
        (row["sample_id"], row["subset"]): row
        for row in read_table(whole_run / "tables" / "subsets.tsv", SUBSETS)
        if row["is_primary"] == "Y"
    }
    blood = subsets["412C_Blood_025", "treg_412C"]
    assert abs(float(blood["percent"] or "nan") - 100 * 1355 / 20114) < 0.05
    assert subsets["390C_Ileum_028", "treg_390C"]["qc_flag"] == "not_reported"  # two cells
    assert len(list(whole_run.glob("interim/*/pictures/*.svg"))) == len(FILES)
    assert (whole_run / "stats" / "change_from_baseline.tsv").stat().st_size > 0
    page = (whole_run / "report" / "index.html").read_text(encoding="utf-8")
    assert "Its gates were drawn by hand" in page and "that is not copied into this page" in page
    assert "<Workspace" not in page and "&lt;Workspace" not in page and len(page) < 2_000_000
