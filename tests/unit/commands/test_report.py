"""`cytotrial report` from files to a page: 2 arms x 5 subjects x 4 visits x 5 subsets, made here."""

import hashlib
import random
import re
import time
from pathlib import Path

import pytest

from cytotrial.cli import main
from cytotrial.columns import STATUS, SUBSETS
from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.tables import read_table, write_table

CONFIG = """\
trial: {id: SMALL, title: "A small trial", baseline: W0, synthetic: true}
arms:
  - {id: IL2, label: "Low-dose IL-2", role: active}
  - {id: PBO, label: Placebo, role: control}
visits: [{id: W0, week: 0}, {id: W2, week: 2}, {id: W10, week: 10}, {id: W12, week: 12}]
dosing: [{from_week: 0, to_week: 2}, {from_week: 8, to_week: 10}]
readouts:
  - {id: cd4, panel: treg, population: cd4, denominators: [cd3, lymphocytes], label: "CD4+ T cells"}
  - {id: cd8, panel: treg, population: cd8, denominators: [cd3, lymphocytes], label: "CD8+ T cells"}
  - {id: treg, panel: treg, population: treg, denominators: [cd4, lymphocytes], label: "Regulatory T cells"}
  - {id: nk, panel: nk, population: nk, denominators: [lymphocytes], label: "NK cells"}
  - {id: cd56bright_nk, panel: nk, population: cd56bright_nk, denominators: [nk, lymphocytes]}
analysis_sets: [mitt, itt]
"""
READOUTS = {
    "treg": {"cd4": ("cd3", "lymphocytes"), "cd8": ("cd3", "lymphocytes"), "treg": ("cd4", "lymphocytes")},
    "nk": {"nk": ("lymphocytes",), "cd56bright_nk": ("nk", "lymphocytes")},
}
WEEKS = {"W0": 0, "W2": 2, "W10": 10, "W12": 12}
FAILED, FLAGGED, MISSING = "S02_W10_nk", "S07_W2_treg", ("S04", "W12")
NO_LIVE = "live: no viability channel"


def _subset_rows(sample: str, subject: str, visit: str, panel: str, draw: random.Random) -> list[dict[str, object]]:
    rows = []
    for subset, denominators in READOUTS[panel].items():
        count = draw.randint(800, 3000)
        for denominator in denominators:
            of = draw.randint(9000, 12000)
            lost = sample == FAILED
            rows.append({
                "sample_id": sample, "subset": subset, "denominator": denominator, "subject_id": subject,
                "visit": visit, "week": WEEKS[visit], "panel": panel, "condition": None,
                "is_primary": denominator == denominators[0], "numerator_n": None if lost else count,
                "denominator_n": None if lost else of, "percent": None if lost else 100 * count / of,
                "ci_low": None, "ci_high": None, "qc_flag": "not_reported" if lost else "ok",
                "qc_reason": "file failed" if lost else None,
            })  # fmt: skip
    return rows


def _status_row(sample: str, subject: str, visit: str, panel: str) -> dict[str, object]:
    reasons = {
        FAILED: "DATA segment is cut short: 812 of 60000 events",
        FLAGGED: "singlets: 71.0 %, below 80 %",
    }
    state = {FAILED: "failed", FLAGGED: "flagged"}
    given = {
        "sample_id": sample, "panel": panel, "subject_id": subject, "visit": visit,
        "status": state.get(sample, "ok"), "reasons": reasons.get(sample), "n_events": 60000,
        "not_done": NO_LIVE if panel == "nk" else None,
    }  # fmt: skip
    return dict.fromkeys(STATUS.columns) | given


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trial's tables, with statistics of the real verb."""
    folder = tmp_path_factory.mktemp("trial")
    draw = random.Random(5)
    samples = [
        (f"S{number:02}_{visit}_{panel}", f"S{number:02}", visit, panel)
        for number in range(1, 11)
        for visit in WEEKS
        for panel in READOUTS
        if (f"S{number:02}", visit) != MISSING
    ]
    write_table(folder / "tables/status.tsv", STATUS, [_status_row(*sample) for sample in samples])
    rows = [row for sample in samples for row in _subset_rows(*sample, draw)]
    write_table(folder / "tables/subsets.tsv", SUBSETS, rows)
    sheet = ["subject_id\tarm\tmitt\titt"]
    sheet += [f"S{n:02}\t{'IL2' if n % 2 else 'PBO'}\t{'N' if n == 9 else 'Y'}\tY" for n in range(1, 11)]
    (folder / "subjects.tsv").write_text("\n".join(sheet) + "\n", encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    given = ["--config", f"{folder}/config.yaml", "--subjects", f"{folder}/subjects.tsv"]
    assert main(["statistics", *given, "--subsets", f"{folder}/tables/subsets.tsv", "--out", f"{folder}/stats"]) == 0
    return folder


def _report(folder: Path, out: Path, *more: str) -> int:
    given = ["--config", f"{folder}/config.yaml", "--subjects", f"{folder}/subjects.tsv"]
    return main(
        [
            "report",
            *given,
            "--tables",
            f"{folder}/tables",
            "--stats",
            f"{folder}/stats",
            "--out",
            f"{out}",
            *more,
        ]
    )


@pytest.fixture(scope="module")
def page(made: Path) -> str:
    out = made / "report/index.html"
    assert _report(made, out) == 0
    return out.read_text(encoding="utf-8")


def test_first_screen_tells_what_was_analysed_and_what_went_wrong(page: str) -> None:
    top = page[: page.index('<section id="answer">')]
    assert SYNTHETIC_MARK in top
    assert "10 subjects: Low-dose IL-2 5 (4 in mitt, the primary analysis set), Placebo 5 (5 in mitt" in top
    assert "78 FCS files: 76 ok, 1 flagged, 1 failed" in top  # 10 x 4 x 2, less the two of the missing visit
    assert top.index("DATA segment is cut short") < top.index("singlets: 71.0 %, below 80 %")
    assert "live: NOT DONE in 39 of 78 files: no viability channel" in top


def test_five_pictures_each_with_its_mark_and_counts(page: str) -> None:
    section = page[page.index('<section id="dynamics">') : page.index('<section id="tables">')]
    pictures = re.findall(r"<svg.*?</svg>", section, re.DOTALL)
    assert len(pictures) == 5
    assert all(f">{SYNTHETIC_MARK}<" in one for one in pictures)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", pictures[3])
    # IL2 is S01 S03 S05 S07 of mitt; PBO loses S02's failed file at W10 and S04 at W12
    at = texts.index("n IL2")
    assert texts[at : at + 10] == ["n IL2", "4", "4", "4", "4", "n PBO", "5", "5", "4", "4"]


def test_shown_statistics_are_those_of_the_table(made: Path, page: str) -> None:
    rows = [
        row
        for row in read_table(made / "stats/change_from_baseline.tsv")
        if (row["analysis_set"], row["subset"], row["denominator"], row["arm"]) == ("mitt", "nk", "lymphocytes", "IL2")
    ]
    box = page[page.index('<table class="answer">') : page.index('<section id="dynamics">')]
    assert len(rows) == 3
    for row in rows:
        assert row["n_pairs"] == "4"
        assert f"{float(row['mean_change'] or 0):+.2f}".replace("-", "\u2212") in box


def test_multiplicity_is_counted_from_the_tables(made: Path, page: str) -> None:
    primary = {"cd4": "cd3", "cd8": "cd3", "treg": "cd4", "nk": "lymphocytes", "cd56bright_nk": "nk"}
    rows = [
        row
        for name in ("change_from_baseline", "between_arms")
        for row in read_table(made / f"stats/{name}.tsv")
        if row["analysis_set"] == "mitt" and primary[str(row["subset"])] == row["denominator"] and row["p_value"]
    ]
    # changes: 5 subsets x 3 visits x 2 arms; between: 5 x (4 levels + 3 changes)
    assert len(rows) == 65
    below = sum(float(str(row["p_value"])) < 0.05 for row in rows)
    assert f"about 3.25 of them (65 × 0.05) would fall below 0.05 by chance alone; {below} did" in page


def test_the_survival_of_the_conclusion_is_optional(made: Path, page: str, tmp_path: Path) -> None:
    (row, *_) = [row for row in read_table(made / "stats/survival.tsv") if row["variation"] == "all"]
    assert row["note"] == "gates not tried: no counts at moved limits were given"
    section = page[page.index('<section id="survival">') : page.index('<section id="dynamics">')]
    assert "Gates not tried: no counts at moved limits were given." in section
    assert "events alone" not in section and "so that nothing here tells what hangs on where they stand" in section
    (tmp_path / "stats").mkdir()
    for table in (made / "stats").iterdir():
        if not table.name.startswith("survival"):
            (tmp_path / "stats" / table.name).symlink_to(table)
    for name in ("tables", "subjects.tsv", "config.yaml"):
        (tmp_path / name).symlink_to(made / name)
    assert _report(tmp_path, tmp_path / "without.html") == 0
    assert "survival" not in (tmp_path / "without.html").read_text(encoding="utf-8").partition("</style>")[2]


def test_same_files_same_bytes(made: Path, page: str, tmp_path: Path) -> None:
    assert _report(made, tmp_path / "again.html") == 0
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_no_path_of_the_machine_enters_the_page(made: Path, page: str) -> None:
    assert str(made.parent) not in page
    assert "tables/status.tsv" in page


def test_pictures_of_a_folder_are_embedded(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "S01_W0_nk.png").write_bytes(b"\x89PNG")
    assert _report(made, tmp_path / "p.html", "--pictures", str(folder)) == 0
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert 'src="data:image/png;base64,iVBORw=="' in text
    assert "as pictures: nk, 1" in text


def test_gating_files_of_the_configuration_are_in_the_page(
    made: Path, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundled panels, by paths from the working directory; one of them is not there."""
    monkeypatch.chdir(Path(__file__).parents[3])
    panels = """panels:
  treg: {markers: config/panels/treg.yaml, gating: config/gating/treg.yaml}
  nk: {markers: config/panels/nk.yaml, gating: config/gating/none.yaml}
"""
    for name in ("tables", "stats", "subjects.tsv"):
        (tmp_path / name).symlink_to(made / name)
    (tmp_path / "config.yaml").write_text(CONFIG + panels, encoding="utf-8")
    assert _report(tmp_path, tmp_path / "g.html") == 0
    text = (tmp_path / "g.html").read_text(encoding="utf-8")
    assert "Populations of panel treg" in text
    assert "The gating strategy config/gating/none.yaml was not there when this page was made." in text
    for name in ("config/panels/treg.yaml", "config/gating/treg.yaml", "config/panels/nk.yaml"):
        assert hashlib.sha256(Path(name).read_bytes()).hexdigest() in text
    assert "The configuration names no panels" in page  # the same trial without them


def test_every_missing_table_is_told_at_once(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [
        "--config",
        f"{made}/config.yaml",
        "--subjects",
        f"{made}/subjects.tsv",
        "--out",
        f"{tmp_path}/x.html",
    ]
    assert main(["report", *given, "--tables", str(tmp_path), "--stats", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    for name in ("status", "subsets", "change_from_baseline", "between_arms"):
        assert f"{name}.tsv: found no readable table" in told
    assert not (tmp_path / "x.html").exists()


DECLARED = """\
endpoints:
  - {id: SRI4, label: "SRI-4 response", type: binary, visit: W12, order: 1}
  - {id: SCORE, label: "SLEDAI, change", type: continuous}
analysis:
  families: [{id: main, test: ancova_logit, subsets: [treg, nk], visits: [W10], method: holm}]
  locf: true
"""


def test_declared_tests_endpoints_and_carried_forward_values_reach_the_page(made: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + DECLARED, encoding="utf-8")
    for name in ("tables", "subjects.tsv"):
        (tmp_path / name).symlink_to(made / name)
    outcomes = ["subject_id\tvisit\tendpoint\tvalue"]
    for n in range(1, 11):
        outcomes += [f"S{n:02}\tW12\tSRI4\t{n % 2}", f"S{n:02}\tW12\tSCORE\t{-n}"]
    (tmp_path / "outcomes.tsv").write_text("\n".join(outcomes) + "\n", encoding="utf-8")
    given = ["--config", f"{tmp_path}/config.yaml", "--subjects", f"{tmp_path}/subjects.tsv"]
    given += ["--outcomes", f"{tmp_path}/outcomes.tsv", "--subsets", f"{made}/tables/subsets.tsv"]
    assert main(["statistics", *given, "--out", f"{tmp_path}/stats"]) == 0
    assert _report(tmp_path, tmp_path / "p.html", "--methods", f"{tmp_path}/methods.md") == 0
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    top = text[text.index('<section id="answer">') : text.index("All subsets and visits</h3>")]
    assert "main: analysis of covariance of logits; odds ratio, IL2 to PBO; adjusted by Holm over 2 tests" in top
    rows = read_table(tmp_path / "stats/ancova.tsv")
    key = ("mitt", "nk", "lymphocytes", "W10", "logit")
    (row,) = [
        r for r in rows if tuple(r[k] for k in ("analysis_set", "subset", "denominator", "visit", "scale")) == key
    ]
    assert f"{float(str(row['odds_ratio'])):.2f}<td>{float(str(row['or_low'])):.2f} to" in top.replace("\n", "")
    assert "Hierarchy of endpoints, mitt" in top
    for words in ("Clinical endpoints, binary", "SRI-4 response", "Clinical endpoints, continuous", "SLEDAI, change"):
        assert words in text
    assert "Sensitivity analysis mitt_locf" in text
    told = (tmp_path / "methods.md").read_text(encoding="utf-8")
    assert "- Declared family main: " in told
    assert "Of 200 planned percentages (subjects by visits by subsets) 7 were missing" in told  # S04: 5, S02: 2
    assert "FlowKit gated" not in told  # no table of it


@pytest.mark.slow
def test_sixty_patients_and_ten_visits_stay_small(tmp_path: Path) -> None:
    oracle = Path(__file__).parents[4] / "shared/oracle"
    if not oracle.is_dir():
        pytest.skip("the oracle trial is not beside this checkout")
    rows = read_table(oracle / "subsets.tsv", SUBSETS)
    samples = {str(row["sample_id"]): row for row in rows}
    status = [
        _status_row(name, str(row["subject_id"]), str(row["visit"]), str(row["panel"])) for name, row in samples.items()
    ]
    write_table(tmp_path / "tables/status.tsv", STATUS, status)
    write_table(tmp_path / "tables/subsets.tsv", SUBSETS, rows)
    for name in ("config.yaml", "subjects.tsv"):
        (tmp_path / name).write_bytes((oracle / name).read_bytes())
    given = ["--config", f"{tmp_path}/config.yaml", "--subjects", f"{tmp_path}/subjects.tsv"]
    assert main(["statistics", *given, "--subsets", f"{oracle}/subsets.tsv", "--out", f"{tmp_path}/stats"]) == 0
    start = time.perf_counter()
    assert _report(tmp_path, tmp_path / "index.html") == 0
    seconds, size = time.perf_counter() - start, (tmp_path / "index.html").stat().st_size / 1000
    print(f"60 patients x 10 visits: {size:.0f} kB in {seconds:.1f} s")
    assert size < 1500
