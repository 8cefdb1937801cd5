"""Figures as inline SVG: own ids, themed colours, no outside reference."""

import re
import xml.etree.ElementTree as ElementTree

from matplotlib.figure import Figure

from cytotrial.figures.svg import COLOURS, drawing_style, inline_svg


def _drawn(name: str = "one", text: str = "a < b") -> str:
    with drawing_style():
        figure = Figure(figsize=(2, 1))
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        axes.plot([0, 1], [0, 1], color=COLOURS["arm-1"], marker="o")
        axes.text(0.5, 0.5, text, parse_math=False)
        return inline_svg(figure, name=name, label='say "what"')


def test_is_one_well_formed_element() -> None:
    root = ElementTree.fromstring(_drawn())
    assert root.tag == "svg"
    assert root.get("aria-label") == 'say "what"'
    assert root.get("viewBox") == "0 0 144 72"
    assert any(node.text == "a < b" for node in root.iter("text"))


def test_same_figure_same_bytes() -> None:
    assert _drawn() == _drawn()


def test_ids_are_its_own_and_every_reference_is_met() -> None:
    svg = _drawn("nk cells")
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert ids
    assert all(name.startswith("nk-cells-") for name in ids)
    assert set(re.findall(r'href="#([^"]+)"', svg) + re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)


def test_colours_follow_the_page_and_nothing_is_from_outside() -> None:
    svg = _drawn()
    assert "var(--arm-1, #0072b2)" in svg
    assert not re.search(r"https?:|<style|<metadata|<script", svg)


def test_coordinates_have_two_decimals_at_most() -> None:
    assert not re.search(r"\d\.\d{3}", _drawn())


def test_words_show_on_pointing_with_every_digit_and_no_markup() -> None:
    with drawing_style():
        figure = Figure(figsize=(2, 1))
        figure.add_axes((0, 0, 1, 1)).plot([0, 1], [0, 1], gid="line")
        svg = inline_svg(figure, name="one", label="x", titles={"line": 'p 0.0496 <g id="line"> "'})
    (group,) = [node for node in ElementTree.fromstring(svg).iter("g") if node.get("id") == "one-line"]
    assert group[0].tag == "title"
    assert group[0].text == 'p 0.0496 <g id="line"> "'


def test_letters_are_the_page_s_own() -> None:
    svg = _drawn()
    assert "DejaVu" not in svg and "font-family" not in svg
    assert "font-size: 8px" in svg
