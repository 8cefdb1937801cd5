"""The page as a whole: complete, self-contained, and nothing of a file can act in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.report.gates import GatePicture
from cytotrial.report.page import PageContent, Source, render_page
from cytotrial.report.strategies import Document, PanelDocuments
from cytotrial.report.trial import Trial
from cytotrial.study.subjects import Subject

EVIL = "<script>alert('x')</script>"


@pytest.fixture
def content(trial, status_row, subset_row, change_row, between_row) -> PageContent:
    tables = {
        "status": [status_row(), status_row(sample_id="bad", status="failed", reasons="file is truncated")],
        "subsets": [subset_row(sample_id="a", subject_id="S1", visit="W0", percent="6.5")],
        "change_from_baseline": [change_row(p_value="0.5")],
        "between_arms": [between_row(p_value="0.5")],
    }
    sources = {name: Source(f"results/{name}.tsv", rows) for name, rows in tables.items()}
    return PageContent(trial, sources, "trial: {id: T1}\n")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def _tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    return parser.seen


def test_sections_stand_in_their_order(content) -> None:
    ids = [attributes["id"] for tag, attributes in _tags(render_page(content)) if tag == "section"]
    assert ids == ["files", "answer", "dynamics", "tables", "gates", "methods"]


def test_the_first_screen_names_the_data_and_the_failed_file(content) -> None:
    top, _, _ = render_page(content).partition('id="answer"')
    assert SYNTHETIC_MARK in top
    assert "file is truncated" in top
    assert "3 subjects: Low-dose IL-2 2 (1 in mitt, the primary analysis set), Placebo 1 (1 in mitt" in top
    assert "3 visits (W0 to W10). 2 FCS files: 1 ok, 0 flagged, 1 failed." in top


def test_every_picture_of_synthetic_data_is_marked_and_no_other(content) -> None:
    page = render_page(content)
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 2
    assert all(f">{SYNTHETIC_MARK}<" in one for one in pictures)
    real = replace(content.trial, study=replace(content.trial.study, synthetic=False))
    assert "SYNTHETIC" not in render_page(replace(content, trial=real))


def test_nothing_from_outside_and_no_script(content) -> None:
    page = render_page(content)
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    tags = _tags(page)
    assert not {"script", "link", "iframe", "img"} & {tag for tag, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]


def test_ids_are_unique_and_every_link_arrives(content) -> None:
    tags = _tags(render_page(content))
    ids = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert {str(link).removeprefix("#") for link in links} <= set(ids)


def test_texts_of_files_are_shown_and_never_act(content, status_row, subset_row, change_row, between_row) -> None:
    """The same words as subject, arm, visit label, title, reason, note and configuration."""
    study = content.trial.study
    arms = (replace(study.arms[0], label=EVIL), study.arms[1])
    readouts = (replace(study.readouts[0], label=EVIL), study.readouts[1])
    study = replace(study, title=EVIL, id=EVIL, arms=arms, readouts=readouts)
    subjects = (*content.trial.subjects, Subject(EVIL, "IL2", None, frozenset({"mitt"})))
    evil_tables = {
        "status": [
            status_row(sample_id=EVIL, subject_id=EVIL, status="failed", reasons=EVIL, not_done=f"live: {EVIL}")
        ],
        "subsets": [subset_row(sample_id=EVIL, subject_id=EVIL, visit="W0", percent="6.5", qc_reason=EVIL)],
        "change_from_baseline": [change_row(note=EVIL)],
        "between_arms": [between_row(note=EVIL)],
    }
    sources = {name: Source(name, rows) for name, rows in evil_tables.items()}
    pictures = {EVIL: [GatePicture(EVIL, "data:image/png;base64,")]}
    trial = Trial(study, subjects, content.trial.plan)
    page = render_page(PageContent(trial, sources, EVIL, pictures))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 12


def test_gating_files_are_shown_and_never_act(content) -> None:
    """The same words as panel, file, text and note; the SHA-256 stands beside the text, a shared file once."""
    shared = Document("config/shared.yaml", EVIL, "ab12")
    panels = [
        PanelDocuments(EVIL, EVIL, None, EVIL, (shared, Document(EVIL, "x", "cd34")), (EVIL,)),
        PanelDocuments("nk", "nk.yaml", None, "none", (shared,), ()),
    ]
    page = render_page(replace(content, panels=panels))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 5  # panel, compensation, note, text, file
    assert page.count("<summary>config/shared.yaml</summary>") == page.count(">ab12<") == 1


def test_without_panels_the_page_says_so(content) -> None:
    assert "The configuration names no panels" in render_page(content)
    panel = PanelDocuments("nk", "nk.yaml", None, None, (), ("nk.yaml was not there.",))
    page = render_page(replace(content, panels=[panel]))
    assert "The configuration names no panels" not in page
    assert "nk.yaml was not there." in page


def test_n_is_printed_and_not_only_a_hover_text(content) -> None:
    box = render_page(content).partition('<table class="answer">')[2].partition("</table>")[0]
    texts = re.sub(r"<[^>]*>", "|", box)
    assert "|n 20|" in texts
    assert "|n 20 v 21|" in texts


def test_the_first_section_warns_where_live_was_not_done(content, status_row) -> None:
    def top(row):
        tables = {**content.tables, "status": Source("status.tsv", [row])}
        return render_page(replace(content, tables=tables)).partition('id="answer"')[0]

    assert "may inflate CD3-CD56+ NK counts" in top(status_row(not_done="live: no viability channel"))
    assert "may inflate" not in top(status_row(not_done="steady_time: no Time channel"))


def test_same_content_same_page(content) -> None:
    assert render_page(content) == render_page(content)


def test_sections_without_their_table_say_so(content) -> None:
    assert "gates.tsv was not there when this page was made." in render_page(content)


def test_a_trial_without_files_or_rows_still_has_a_page(content) -> None:
    empty = {name: Source(source.name, []) for name, source in content.tables.items()}
    page = render_page(replace(content, tables=empty))
    assert "There is no file in this trial." in page
    assert page.count("no reportable values") == 2


def test_one_arm(content) -> None:
    study = replace(content.trial.study, arms=content.trial.study.arms[:1])
    plan = replace(content.trial.plan, arms=("IL2",), control=())
    tables = {**content.tables, "between_arms": Source("b", [])}
    page = render_page(PageContent(Trial(study, content.trial.subjects, plan), tables, ""))
    assert "between arms" not in re.sub(r'<section id="methods">.*', "", page, flags=re.DOTALL)


def test_gate_pictures_are_shown_with_their_sample(content) -> None:
    shown = replace(content, pictures={"nk": [GatePicture("S1_W0", "data:image/png;base64,AAAA")]})
    images = [attributes for tag, attributes in _tags(render_page(shown)) if tag == "img"]
    assert images == [{"src": "data:image/png;base64,AAAA", "alt": "Gates of sample S1_W0", "loading": "lazy"}]


def test_that_no_file_failed_is_said_once(content, status_row) -> None:
    def page(*rows):
        tables = {**content.tables, "status": Source("status.tsv", list(rows))}
        return render_page(replace(content, tables=tables))

    all_ok = page(status_row())
    assert "none failed, none is flagged" in all_ok and "No file failed." not in all_ok
    assert page(status_row(status="flagged", reasons="few events")).count("No file failed.") == 1


def test_what_was_declared_comes_before_every_other_test(content) -> None:
    box = render_page(content).partition('<section id="answer">')[2].partition("</section>")[0]
    order = ("What was declared beforehand", "Nothing was declared beforehand", "All subsets and visits", "<table")
    assert sorted(order, key=box.index) == list(order)


def test_carried_forward_values_are_a_sensitivity_analysis_after_the_sets(content, change_row, between_row) -> None:
    rows = [change_row(p_value="0.5"), change_row(analysis_set="mitt_locf", mean_change="7.77")]
    tables = {**content.tables, "change_from_baseline": Source("c", rows)}
    words = "Sensitivity analysis mitt_locf: last observation carried forward"
    assert words not in render_page(replace(content, tables=tables))
    asked = replace(content.trial, plan=replace(content.trial.plan, is_locf_asked=True))
    page = render_page(replace(content, tables=tables, trial=asked))
    assert page.index("Analysis set mitt (primary)") < page.index("Analysis set itt<") < page.index(words)
    assert page.index(words) < page.index("+7.77")
    assert "no conclusion should rest on it" in page
    assert "Only the sensitivity analysis mitt_locf carries last observations forward" in page


def test_whether_the_conclusion_stands_comes_after_the_answer_and_only_with_its_table(content, survival_row) -> None:
    without = render_page(content)
    assert "Would it stand?" not in without and "Would the conclusion stand?" not in without
    rows = [
        survival_row(verdict="fails", n_held="1"),
        survival_row(
            variation="gate", gate=f"treg:treg/{EVIL}/min", verdict="fails", n_held="2", smallest_move="1",
            p_high="0.3", weakest=f"treg/{EVIL}/min -1 SD", note=EVIL,
        ),
    ]  # fmt: skip
    page = render_page(replace(content, tables={**content.tables, "survival": Source("stats/survival.tsv", rows)}))
    tags = _tags(page)
    ids = [attributes["id"] for tag, attributes in tags if tag == "section"]
    assert ids == ["files", "answer", "survival", "dynamics", "tables", "gates", "methods"]
    assert "#survival" in [attributes["href"] for tag, attributes in tags if tag == "a"]
    section = page[page.index('<section id="survival">') : page.index('<section id="dynamics">')]
    assert re.search(r'<td class="fails">fails', section)
    assert '<li class="fails"><b>fails</b> Regulatory T cells at W2, change in IL2: lost with' in section
    assert section.count("<svg") == section.count(f">{SYNTHETIC_MARK}<") == 2
    assert "The SD is from the events alone" in section
    assert "<script" not in page and "&lt;script&gt;" in section
    all_ids = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert len(all_ids) == len(set(all_ids))


def test_the_answer_is_the_same_with_and_without_that_section(content, survival_row) -> None:
    def box(tables):
        page = render_page(replace(content, tables=tables))
        return page.partition('<section id="answer">')[2].partition("</section>")[0]

    rows = [survival_row(verdict="fails")]
    assert box(content.tables) == box({**content.tables, "survival": Source("s", rows)})
