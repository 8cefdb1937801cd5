"""Which pictures of what stood there are, and what each cell of them says."""

import re
import xml.etree.ElementTree as ElementTree

from cytotrial.report.survival_pictures import causes, maps
from cytotrial.report.survival_results import primary_results


def _texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("text")]


def _titles(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("title")]


def test_a_map_for_every_test_that_found_something(trial, survival_row) -> None:
    quiet = {"is_significant": "N", "p_value": "0.4"}
    rows = [
        survival_row(n_held="3", verdict="fragile"),
        survival_row(visit="W10", **quiet),
        survival_row(subset="nk", denominator="lymphocytes", note="20 of 22 samples were moved in every limit tried"),
        survival_row(subset="nk", denominator="lymphocytes", variation="gate", gate="nk:nk/CD56/min"),
        survival_row(
            subset="nk", denominator="lymphocytes", visit="W10", is_significant=None, p_value=None, verdict=None
        ),
        survival_row(arm="PBO", **quiet),
        survival_row(test="between_arms", arm=None, verdict="fails", n_held="1"),
    ]
    within, between = maps(primary_results(rows, trial, {}), trial)
    texts = _texts(within.svg)
    assert texts.index("Change from baseline, Low-dose IL-2") < texts.index("Regulatory T cells")
    assert {"3/4", "4/4", "n.s.", "not tried"} <= set(texts)
    assert within.caption == "2 of 4 significant: 1 in all that was tried, 1 fragile."
    assert between.caption == "1 of 1 significant: 1 lost."
    assert "var(--fails" in between.svg and "var(--fails" not in within.svg
    assert _titles(between.svg)[0].startswith("Regulatory T cells at W2, between arms, p 0.010: holds in 1 of 4")


def test_a_result_whose_gates_were_not_tried_is_never_plain_green(trial, survival_row) -> None:
    why = "gates not tried: no gate limit of this subset was moved"
    nk = {"subset": "nk", "denominator": "lymphocytes"}
    rows = [survival_row(note=why), survival_row(variation="denominators")]
    (untried,) = maps(primary_results(rows, trial, {}), trial)
    assert "holds, gates not tried" in _texts(untried.svg) and "holds" not in _texts(untried.svg)
    assert "<pattern" in untried.svg
    assert _titles(untried.svg)[0].endswith(f"; {why}")
    assert untried.caption == "1 of 1 significant: 1 in all but the gates, which were not tried."
    gate = survival_row(variation="gate", gate="nk:nk/CD56/min", **nk)
    (mixed,) = maps(primary_results([*rows, survival_row(**nk, note="9 of 9 samples"), gate], trial, {}), trial)
    assert {"holds", "holds, gates not tried"} <= set(_texts(mixed.svg))
    assert [title.rpartition("; ")[2] for title in _titles(mixed.svg)] == ["9 of 9 samples", why]
    lost = [survival_row(note=why, verdict="fragile"), survival_row(variation="denominators", verdict="fragile")]
    (cause,) = causes(primary_results(lost, trial, {}), trial)
    assert cause.caption.endswith("Of 1 of them gates were not tried.")


def test_what_the_lost_ones_hang_on_a_column_for_everything_tried(trial, survival_row) -> None:
    rows = [
        survival_row(verdict="fails", n_held="3"),
        survival_row(variation="denominators", n_analyses="1", n_held="1"),
        survival_row(variation="reporting_limits", verdict=None, n_analyses="0", n_held="0", note="there is none"),
        survival_row(variation="gate", gate="treg:treg/CD25/min", verdict="fails", n_held="3", smallest_move="1"),
        survival_row(variation="gates_apart", n_analyses="200", n_held="199"),
        survival_row(visit="W10"),
    ]
    (picture,) = causes(primary_results(rows, trial, {}), trial)
    texts = _texts(picture.svg)
    assert [text for text in texts if text.startswith("W")] == ["W2, change in IL2"]
    columns = ["other denominators", "low counts left out", "CD25 min of treg", "all gates at random"]
    assert [text for text in texts if text in columns] == columns
    assert [text for text in texts if re.match(r"\d", text)] == ["1/1", "3/4", "99 %"]  # 199 of 200 are not all
    assert picture.caption == "1 of 2 significant results of this subset."
    assert "low counts left out: there is none" in _titles(picture.svg)
    assert any("weakest: CD25 min of treg \u22122 SD; p 0.001 to 0.020" in title for title in _titles(picture.svg))


def test_no_picture_of_causes_where_all_hold(trial, survival_row) -> None:
    rows = [survival_row(), survival_row(visit="W10", is_significant="N", verdict="fails")]
    assert causes(primary_results(rows, trial, {}), trial) == []
