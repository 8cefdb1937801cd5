"""Panels: what a panel file may say, and markers found in real and made-up files by name."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from cytotrial.cytometry.panel import ChannelRule, MarkerRule, Panel, load_panel, resolve_channels
from cytotrial.errors import CytotrialError

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data"

DIVA = [
    ("FSC-A", ""),
    ("FSC-H", ""),
    ("FSC-W", ""),
    ("SSC-A", " "),
    ("PerCP-Cy5-5-A", "CD8"),
    ("PE-Cy7-A", "CD25 PE-Cy7"),
    ("PE-Cy7-H", "CD25 PE-Cy7"),
    ("APC-A", "CD127"),
    ("APC-Cy7-A", "CD3"),
    ("Pacific Blue-A", "CD4"),
    ("AmCyan-A", "Aqua"),
    ("Time", ""),
]


def _panel(folder: Path, text: str) -> Panel:
    path = folder / "panel.yaml"
    path.write_text(text, encoding="utf-8")
    return load_panel(path)


def _markers(**rules: MarkerRule) -> Panel:
    return Panel(rules, {}, None, "fcs")


def _at(channel: str, *, optional: bool = False) -> MarkerRule:
    return MarkerRule(channel, None, optional)


def _labelled(label: str, *, optional: bool = False) -> MarkerRule:
    return MarkerRule(None, label, optional)


@pytest.mark.parametrize("name", ["treg", "nk"])
def test_bundled_panels(name: str) -> None:
    panel = load_panel(ROOT / "config" / "panels" / f"{name}.yaml")
    assert panel.markers["CD3"] == MarkerRule("APC-Cy7-A", None, False)
    assert panel.markers["viability"].optional
    assert panel.scatter["FSC-A"] == ChannelRule("FSC-A", False)
    assert panel.scatter["FSC-H"] == ChannelRule("FSC-H", True)
    assert panel.time == ChannelRule("Time", True)
    assert panel.compensation == "fcs"


def test_the_bundled_treg_panel_finds_its_markers_wherever_they_are() -> None:
    panel = load_panel(ROOT / "config" / "panels" / "treg.yaml")
    for channels in (DIVA, DIVA[::-1]):
        resolved = resolve_channels(panel, channels, file="a.fcs")
        names = {name: channels[index][0] for name, index in resolved.channels.items()}
        assert names == {
            "CD3": "APC-Cy7-A",
            "CD4": "Pacific Blue-A",
            "CD8": "PerCP-Cy5-5-A",
            "CD25": "PE-Cy7-A",
            "CD127": "APC-A",
            "viability": "AmCyan-A",
            "FSC-A": "FSC-A",
            "FSC-H": "FSC-H",
            "FSC-W": "FSC-W",
            "SSC-A": "SSC-A",
            "Time": "Time",
        }
        assert resolved.missing_optional == ()


def test_exported_data_without_scatter_or_time(tmp_path: Path) -> None:
    panel = _panel(tmp_path, "markers: {CD3: {label: CD3}}\ncompensation: None\n")
    assert panel == Panel({"CD3": MarkerRule(None, "CD3", False)}, {}, None, "none")
    assert resolve_channels(panel, [("X-A", "cd3")], file="a.fcs").channels == {"CD3": 0}


def test_long_forms_and_a_matrix(tmp_path: Path) -> None:
    panel = _panel(
        tmp_path,
        "markers: {CD3: {channel: 780}, CD4: {channel: V450-A, label: CD4}}\n"
        "scatter: {fsc_area: {channel: FSC, optional: true}, ssc_area: {channel: SSC}}\n"
        "time: {channel: TIME}\ncompensation: config/Matrix.csv\n",
    )
    assert panel.markers["CD3"].channel == "780"
    assert panel.scatter == {"FSC-A": ChannelRule("FSC", True), "SSC-A": ChannelRule("SSC", False)}
    assert panel.time == ChannelRule("TIME", True)
    assert panel.compensation == "config/Matrix.csv"


MISTAKES = {
    "unknown key": (
        "{markers: {CD3: {chanel: A}}}",
        r"markers, CD3: found the unknown key 'chanel' .*'channel'",
    ),
    "unknown section": (
        "{markers: {CD3: {label: A}}, scater: {}}",
        r"unknown key 'scater' \(did you mean 'scatter'",
    ),
    "unknown scatter": ("{markers: {CD3: {label: A}}, scatter: {fsc_hight: F}}", "mean 'fsc_height'"),
    "no markers": (
        "{scatter: {fsc_area: FSC-A}}",
        "found no markers, expected markers: one entry per marker",
    ),
    "empty markers": ("{markers: {}}", "markers: found an empty mapping"),
    "empty rule": ("{markers: {CD3: {}}}", "markers, CD3: found an empty mapping, expected {channel"),
    "neither": ("{markers: {CD3: {optional: true}}}", "markers, CD3: found neither channel nor label"),
    "bare name": ("{markers: {CD3: APC-A}}", "markers, CD3: found 'APC-A', expected {channel: "),
    "bad pattern": (
        "{markers: {CD3: {label: 'CD3(e'}}}",
        "label: found 'CD3.e', which is no regular expression",
    ),
    "optional as text": (
        "{markers: {CD3: {label: A, optional: 'yes'}}}",
        "optional: found 'yes', expected true or",
    ),
    "channel as truth": ("{markers: {CD3: {channel: on}}}", "channel: found the truth value true.*quotes"),
    "scatter as marker": ("{markers: {FSC-A: {channel: A}}}", "found 'FSC-A', expected a marker name"),
    "one channel twice": (
        "{markers: {CD3: {channel: A}, CD4: {channel: A}}}",
        "CD4: found the channel 'A', which is",
    ),
    "Time is a marker's": (
        "{markers: {CD3: {channel: A}}, time: A}",
        "time: found the channel 'A', which is also",
    ),
    "marker twice": (
        "{markers: {CD3: {channel: A}, CD3: {channel: B}}}",
        "line 1: found the key 'CD3' a second time",
    ),
    "compensation": (
        "{markers: {CD3: {channel: A}}, compensation: no}",
        "compensation: found the truth value false",
    ),
    "nothing": ("", "found nothing, expected a mapping with the keys markers"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_is_one_sentence(tmp_path: Path, mistake: str) -> None:
    text, said = MISTAKES[mistake]
    with pytest.raises(CytotrialError, match=said) as caught:
        _panel(tmp_path, text)
    assert len(caught.value.problems) == 1, caught.value.problems


def test_all_mistakes_of_a_panel_file_at_once(tmp_path: Path) -> None:
    with pytest.raises(CytotrialError) as caught:
        _panel(tmp_path, "{markers: {CD3: {label: '('}, CD4: {chanel: x}}, tme: Time}")
    assert len(caught.value.problems) == 3


def test_names_match_exactly_before_they_match_in_any_case() -> None:
    panel = _markers(CD3=_at("apc-a"))
    assert resolve_channels(panel, [("PE-A", ""), ("APC-A", "")], file="f").channels == {"CD3": 1}
    assert resolve_channels(panel, [("APC-A", ""), ("apc-a", "")], file="f").channels == {"CD3": 1}
    with pytest.raises(CytotrialError, match=r"f, CD3: found 2 channels \(APC-A, Apc-A\)"):
        resolve_channels(panel, [("APC-A", ""), ("Apc-A", "")], file="f")


def test_a_label_on_area_and_height_means_the_area() -> None:
    panel = _markers(CD25=_labelled(r"\bcd25\b"))
    assert resolve_channels(panel, DIVA, file="f").channels == {"CD25": 5}
    with pytest.raises(CytotrialError, match=r"found 2 channels .X-H .CD25., X-W .CD25.."):
        resolve_channels(panel, [("X-H", "CD25"), ("X-W", "CD25")], file="f")
    with pytest.raises(
        CytotrialError, match=r"found 3 channels .X-A .CD25., Y-A .CD25., X-H .CD25.., expected one channel"
    ):
        resolve_channels(panel, [("X-A", "CD25"), ("Y-A", "CD25"), ("X-H", "CD25")], file="f")


def test_channel_and_label_must_both_hold() -> None:
    both = _markers(CD8=MarkerRule("PerCP-Cy5-5-A", "cd8", False))
    assert resolve_channels(both, DIVA, file="f").channels == {"CD8": 4}
    wrong = _markers(CD8=MarkerRule("PerCP-Cy5-5-A", "CD19", False))
    with pytest.raises(CytotrialError, match=r"no channel.* \$PnN 'PerCP-Cy5-5-A' and \$PnS matching 'CD19'"):
        resolve_channels(wrong, DIVA, file="f")


def test_every_problem_of_a_file_lists_its_channels() -> None:
    panel = _markers(CD3=_at("APC-Cy-A"), CD19=_labelled("CD19"), CD1=_labelled("CD1"), CD127=_at("APC-A"))
    with pytest.raises(CytotrialError) as caught:
        resolve_channels(panel, DIVA, file="tube.fcs")
    problems = caught.value.problems
    assert len(problems) == 3
    assert "tube.fcs, CD3: found no channel (did you mean 'APC-Cy7-A'?)" in problems[0]
    assert "tube.fcs, CD19: found no channel, expected one channel with $PnS matching 'CD19'" in problems[1]
    assert "tube.fcs, CD1 and CD127: found the same channel APC-A (CD127)" in problems[2]
    assert all("FSC-A, FSC-H, FSC-W, SSC-A, PerCP-Cy5-5-A (CD8), " in text for text in problems)


def test_optional_means_absent_not_ambiguous() -> None:
    panel = _markers(CD19=_labelled("CD19", optional=True), CD25=_labelled("CD", optional=True))
    with pytest.raises(CytotrialError, match="CD25: found 6 channels"):
        resolve_channels(panel, DIVA, file="f")
    resolved = resolve_channels(_markers(CD19=_labelled("CD19", optional=True)), DIVA, file="f")
    assert resolved.channels == {} and resolved.missing_optional == ("CD19",)


def test_scatter_areas_are_required_heights_widths_and_time_are_not() -> None:
    panel = load_panel(ROOT / "config" / "panels" / "treg.yaml")
    fewer = [channel for channel in DIVA if channel[0] not in ("FSC-H", "FSC-W", "Time", "AmCyan-A")]
    resolved = resolve_channels(panel, fewer, file="f")
    assert resolved.missing_optional == ("viability", "FSC-H", "FSC-W", "Time")
    with pytest.raises(CytotrialError, match="f, SSC-A: found no channel"):
        resolve_channels(panel, [channel for channel in DIVA if channel[0] != "SSC-A"], file="f")


def test_no_pattern_matches_an_absent_label() -> None:
    with pytest.raises(CytotrialError, match="found no channel"):
        resolve_channels(_markers(CD3=_labelled(".*")), [("APC-A", ""), ("PE-A", " ")], file="f")


def _channels(name: str) -> list[tuple[str, str]]:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside this checkout")
    import fcsparser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta = fcsparser.parse(str(path), meta_data_only=True)
    return [(meta[f"$P{i}N"], meta.get(f"$P{i}S") or "") for i in range(1, int(meta["$PAR"]) + 1)]


def _found(panel: Panel, channels: list[tuple[str, str]], file: str) -> dict[str, str]:
    resolved = resolve_channels(panel, channels, file=file)
    return {name: channels[index][0] for name, index in resolved.channels.items()}


def test_omip021_by_free_text_labels() -> None:
    panel = Panel(
        {
            "CD3": _labelled(r"\bCD3\b"),
            "CD4": _labelled(r"\bCD4\b"),
            "CD8": _labelled(r"\bCD8a\b"),
            "viability": _labelled("viability"),
            "CD25": _labelled(r"\bCD25\b", optional=True),
        },
        {"FSC-A": ChannelRule("FSC-A", False), "FSC-W": ChannelRule("FSC-W", True)},
        ChannelRule("Time", True),
        "fcs",
    )
    channels = _channels("omip021/Donor1.fcs")
    assert _found(panel, channels, "Donor1.fcs") == {
        "CD3": "670/30Violet-A",
        "CD4": "780/60Red-A",
        "CD8": "585/15Violet-A",
        "viability": "525/50Violet-A",
        "FSC-A": "FSC-A",
        "Time": "Time",
    }
    assert resolve_channels(panel, channels, file="f").missing_optional == ("CD25", "FSC-W")
    with pytest.raises(CytotrialError, match=r"CD8: found 2 channels .585/15Violet-A .BV650 - CD8a., 670/14Red-A"):
        resolve_channels(_markers(CD8=_labelled("CD8")), channels, file="f")


def test_flowatlas_by_label_where_there_is_one_and_by_channel_where_not() -> None:
    by_label = _markers(CD4=_labelled(r"\bCD4\b"), CD25=_labelled(r"\bCD25\b"), FoxP3=_labelled("foxp3"))
    assert _found(by_label, _channels("flowatlas/390C/390C_BM_027.fcs"), "f") == {
        "CD4": "FJComp-355 670_30-A",
        "CD25": "FJComp-640 670_30-A",
        "FoxP3": "FJComp-561 585_15-A",
    }
    unlabelled = _channels("flowatlas/412C/412C_BM_032.fcs")
    with pytest.raises(CytotrialError) as caught:
        resolve_channels(by_label, unlabelled, file="f")
    assert len(caught.value.problems) == 3
    by_channel = _markers(CD3=_at("FJComp-355 379_28-A"))
    assert _found(by_channel, unlabelled, "f") == {"CD3": "FJComp-355 379_28-A"}


REAL = {
    "FACS_Diva/facs_diva_test.fcs": (
        {"CD19": _labelled("cd19"), "CD45": _labelled("CD45")},
        ["APC-A", "PerCP-A"],
    ),
    "MiltenyiBiotec/FCS3.1/SG_2014-09-26_Duplicate_Names.fcs": ({"GFP": _labelled("GFP")}, ["FL7-A"]),
    "cyflow_cube_8/cyflow_cube_8.fcs": ({"CD3": _at("fl1"), "CD4": _labelled("^FL2$")}, ["FL1", "FL2"]),
    "FACSCaliburHTS/Sample_Well_A02.fcs": (
        {"CD3": _labelled("FL1-Height"), "CD4": _at("FL2-A")},
        ["FL1-H", "FL2-A"],
    ),
    "Cytek_xP5/Cytek_xP5.fcs": ({"CD3": _at("FL4 red")}, ["FL4 red"]),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_of_other_instruments(name: str) -> None:
    rules, expected = REAL[name]
    found = _found(_markers(**rules), _channels(f"fcsparser-tests/{name}"), name)
    print(name, found)
    assert list(found.values()) == expected
