"""How populations are found: rows worked out by hand from the files as written."""

import hashlib
from pathlib import Path

import pytest

from cytotrial.gating.arguments import Fixed
from cytotrial.gating.strategy import Rule, Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.report.strategies import (
    PHENOTYPES,
    compensation_words,
    method_sentences,
    phenotype,
    read_panel_files,
    strategy_view,
)
from cytotrial.study.config import PanelFiles

ROOT = Path(__file__).parents[3]
MARKERS = """\
markers: {CD3: {channel: A-A}, CD56: {channel: B-A}}
scatter: {fsc_area: FSC-A, ssc_area: SSC-A}
compensation: fcs
"""
GATING = """\
strategy: mine
scale: {method: logicle, w: 0.75, m: 4.5, a: 0.25}
populations:
  - {id: cd3, parent: root, markers: [CD3], method: valley, args: {keep: above, prominence: 0.25}, pool: subject}
  - {id: cd3_negative, parent: root, markers: [CD3], method: opposite, args: {of: cd3}}
  - {id: nk, parent: cd3_negative, markers: [CD56], method: fixed, args: {threshold: 1234567.5}}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Both files below the working directory, paths as a configuration has them."""
    monkeypatch.chdir(tmp_path)

    def make(markers: str | None = MARKERS, gating: str | None = GATING) -> PanelFiles:
        for name, text in (("panel.yaml", markers), ("gating.yaml", gating)):
            if text is not None:
                (tmp_path / name).write_text(text, encoding="utf-8")
        return PanelFiles("nk", "panel.yaml", "gating.yaml")

    return make


def _rows(view):
    return [[cell.text for cell in row] for group in view.groups for row in group.rows]


def test_one_row_per_population_in_gating_order(write) -> None:
    """Given but equal to the default (keep) is default; what has no default (of, threshold) never is."""
    view = strategy_view(read_panel_files(write()))
    rows = _rows(view.table)
    defaults = rows[0].pop(6).split(", ")
    assert {"keep=above", "least_share=0.01", "least_fold=1", "tail_sds=null"} <= set(defaults)
    assert not [text for text in defaults if text.startswith("prominence")]
    assert rows == [
        ["cd3", "CD3+", "root", "CD3", "valley", "prominence=0.25", "subject"],
        ["cd3_negative", "", "root", "CD3", "opposite", "of=cd3", "", "none"],
        ["nk", "CD3-CD56+", "cd3_negative", "CD56", "fixed", "threshold=1234567.5", "keep=above", "none"],
    ]
    assert len(view.table.columns) == 8
    assert view.table.source == "gating.yaml"
    assert view.notes == ()


def test_scale_and_compensation_stand_above_the_table(write) -> None:
    sentences = strategy_view(read_panel_files(write())).sentences
    assert sentences[0].startswith("Strategy mine. Fluorescence gates are on the logicle scale: W 0.75, M 4.5, A 0.25;")
    assert sentences[1] == "Compensation: each FCS file's own spillover matrix."
    asinh = GATING.replace("method: logicle, w: 0.75", "method: asinh")
    assert "the asinh scale: M 4.5, A 0.25;" in strategy_view(read_panel_files(write(gating=asinh))).sentences[0]


def test_a_fallback_has_its_column(write) -> None:
    given = GATING.replace("pool: subject}", "pool: subject, fallback: 900}")
    view = strategy_view(read_panel_files(write(gating=given)))
    assert [column.label for column in view.table.columns][-2:] == ["pool", "fallback"]
    assert [row[-2:] for row in _rows(view.table)] == [["subject", "900"], ["none", "none"], ["none", "none"]]


def test_documents_are_the_files_as_they_are(write, tmp_path) -> None:
    panel = read_panel_files(write())
    assert [one.name for one in panel.documents] == ["panel.yaml", "gating.yaml"]
    assert [one.text for one in panel.documents] == [MARKERS, GATING]
    for one in panel.documents:
        assert one.sha256 == hashlib.sha256((tmp_path / one.name).read_bytes()).hexdigest()


def test_a_matrix_is_a_third_document(write, tmp_path) -> None:
    files = write(markers=MARKERS.replace("compensation: fcs", "compensation: matrix.csv"))
    absent = read_panel_files(files)
    assert absent.notes == ("The compensation matrix matrix.csv was not there when this page was made.",)
    (tmp_path / "matrix.csv").write_text("A-A,B-A\n1,0\n0,1\n", encoding="utf-8")
    panel = read_panel_files(files)
    assert [one.name for one in panel.documents] == ["panel.yaml", "gating.yaml", "matrix.csv"]
    assert compensation_words(str(panel.compensation)).startswith("the matrix of matrix.csv for every file")


def test_files_that_are_not_there_or_wrong_are_told_and_stop_nothing(write) -> None:
    panel = read_panel_files(write(markers=None, gating=GATING.replace("valley", "vally")))
    view = strategy_view(panel)
    assert view.table is None
    assert view.sentences == []
    assert view.notes[0] == "The marker map panel.yaml was not there when this page was made."
    assert view.notes[1].startswith("The gating strategy gating.yaml has 1 mistake; cytotrial check")
    assert [one.name for one in panel.documents] == ["gating.yaml"]  # wrong, but there: shown as it is


def test_no_path_of_the_machine(write, tmp_path) -> None:
    write(markers=MARKERS.replace("compensation: fcs", f"compensation: {tmp_path}/matrix.csv"))
    panel = read_panel_files(PanelFiles("nk", f"{tmp_path}/panel.yaml", f"{tmp_path}/gating.yaml"))
    view = strategy_view(panel)
    told = [panel.documents[0].name, view.table.source, *view.sentences, *view.notes]
    assert told[0] == f"{tmp_path.name}/panel.yaml"
    assert not [text for text in told if str(tmp_path) in text]


def test_phenotypes_are_those_of_the_bundled_strategies() -> None:
    """Every readout's population has one, and quality steps have none."""
    found = {}
    for name in ("treg", "nk"):
        strategy = load_strategy(ROOT / f"config/gating/{name}.yaml")
        found |= {rule.id: phenotype(rule, strategy) for rule in strategy.rules}
    assert {key: value for key, value in found.items() if value} == PHENOTYPES
    assert found["live"] == found["lymphocytes"] == found["cd3_negative"] == ""


def test_an_id_gated_on_other_markers_is_given_no_phenotype() -> None:
    """CD4 by CD4 alone, without CD8: nobody knows that these cells are CD8-."""
    cd3 = Rule("cd3", "root", ("CD3",), "fixed", Fixed(1.0), "none", None, "lineage")
    cd4 = Rule("cd4", "cd3", ("CD4",), "fixed", Fixed(1.0), "none", None, "lineage")
    strategy = Strategy("mine", load_strategy(ROOT / "config/gating/nk.yaml").scale, (cd3, cd4))
    assert [phenotype(rule, strategy) for rule in strategy.rules] == ["CD3+", ""]


def test_methods_in_use_are_described_once(write) -> None:
    panel = read_panel_files(write())
    sentences = method_sentences([panel, panel])
    assert [name for name, _ in sentences] == ["valley", "opposite", "fixed"]
    assert all(len(text) > 20 and "\n" not in text for _, text in sentences)


DRAWN = """<Workspace flowJoVersion="10.8.1" xmlns:gating="http://www.isac-net.org/std/Gating-ML/v2.0/gating">
<SampleList><Sample><SampleNode name="Name of Somebody.fcs"><Subpopulations><Population name="Live">
<Gate><gating:RectangleGate/></Gate><Subpopulations><Population name="T cells"><Gate><gating:PolygonGate/></Gate>
</Population></Subpopulations></Population></Subpopulations></SampleNode></Sample></SampleList></Workspace>"""


def test_strategy_that_people_drew(write, tmp_path: Path) -> None:
    """Its gates by their paths, in words that are true of it; its file is named and not shown."""
    write()
    (tmp_path / "w.wsp").write_text(DRAWN, encoding="utf-8")
    (tmp_path / "map.yaml").write_text("populations: {cd3: Live/T cells}\n", encoding="utf-8")
    documents = read_panel_files(PanelFiles("nk", "panel.yaml", "w.wsp", "map.yaml"))
    assert documents.notes == ()
    assert [one.name for one in documents.documents] == ["panel.yaml", "w.wsp", "map.yaml"]
    workspace = documents.documents[1]
    assert workspace.text == "A file of 1 kB that is not copied into this page."
    assert workspace.sha256 == hashlib.sha256(DRAWN.encode()).hexdigest()
    view = strategy_view(documents)
    assert view.sentences == [
        "Strategy w.wsp. Its gates were drawn by hand; they are applied as w.wsp has them, on its own scales.",
        "Compensation: as w.wsp has it.",
    ]
    rows = _rows(view.table)
    assert [row[0] for row in rows] == ["root/Live", "cd3"] and [row[2] for row in rows] == ["root", "root/Live"]
    assert {row[4] for row in rows} == {"flowjo"} and rows[1][5] == "file=w.wsp, gate=Live/T cells"
    assert [name for name, _ in method_sentences([documents])] == ["flowjo"]


def test_path_of_a_drawn_gates_file_is_cut_short(write, tmp_path: Path) -> None:
    """No path of the machine enters the page."""
    entry = "  - {id: t, parent: root, markers: [CD3], method: gatingml, args: {file: /data/trial/g.xml, gate: T}}\n"
    view = strategy_view(read_panel_files(write(gating="strategy: s\npopulations:\n" + entry)))
    assert _rows(view.table)[0][5] == "file=trial/g.xml, gate=T"
