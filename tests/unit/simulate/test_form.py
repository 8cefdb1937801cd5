"""Forms that no laboratory has are refused; whatever a laboratory's habits, a panel file finds its markers."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cytotrial.cytometry.panel import MarkerRule, Panel, resolve_channels
from cytotrial.simulate.form import (
    BYTE_ORDERS,
    DATA_TYPES,
    FACSDIVA,
    LABEL_STYLES,
    SPILL_KEYWORDS,
    VERSIONS,
    FileForm,
    label,
)

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
# Names that hold each other, a dump channel, and every dye of the simulated instruments.
STAINING = {
    ("CD45RA",): "FITC",
    ("FoxP3",): "PE",
    ("CD8",): "PerCP-Cy5-5",
    ("CD25",): "PE-Cy7",
    ("CD127",): "APC",
    ("CD3",): "APC-Cy7",
    ("CD4",): "Pacific Blue",
    ("CD16",): "BV711",
    ("CD19", "CD14"): "BV785",
    ("CD56",): "BB515",
    ("CD38",): "AF700",
    ("viability",): "Aqua",
}
VIABILITY_PATTERN = "viability|live.?dead"


def test_default_is_facsdivas_export() -> None:
    assert FileForm("3.0", "big", "F", "SPILL", "marker", time_first=False) == FileForm() == FACSDIVA


def test_everything_offered_is_accepted() -> None:
    offered = (VERSIONS, BYTE_ORDERS, DATA_TYPES, SPILL_KEYWORDS, LABEL_STYLES, (False, True))
    made = {FileForm(*values) for values in itertools.product(*offered)}
    assert len(made) == 3 * 2 * 2 * 3 * 5 * 2


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("version", "3.2", "version: found '3.2', expected one of '2.0', '3.0', '3.1'"),
        ("version", 3.0, "version: found 3.0, expected one of '2.0', '3.0', '3.1'"),
        ("byte_order", "middle", "byte_order: found 'middle', expected one of 'big', 'little'"),
        ("data_type", "D", "data_type: found 'D', expected one of 'F', 'I'"),
        ("spill_keyword", "spill", "spill_keyword: found 'spill', expected one of 'SPILL', '$SPILLOVER', 'SPILLOVER'"),
        (
            "label_style",
            "",
            "label_style: found '', expected one of 'marker', 'dye - marker', 'marker dye', 'lower', 'spaced'",
        ),
        ("time_first", 1, "time_first: found 1, expected one of False, True"),
        ("time_first", "no", "time_first: found 'no', expected one of False, True"),
    ],
)
def test_what_no_file_has_is_refused(field: str, value: object, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        FileForm(**{field: value})
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("style", "single", "dump", "dead"),
    [
        ("marker", "CD3", "CD19+CD14", "viability"),
        ("dye - marker", "APC-Cy7 - CD3", "APC-Cy7 - CD19 / CD14", "APC-Cy7 - Viability"),
        ("marker dye", "CD3 APC-Cy7", "CD19+CD14 APC-Cy7", "Live/Dead APC-Cy7"),
        ("lower", "cd3", "cd19+cd14", "viability"),
        ("spaced", " CD3 ", " CD19+CD14 ", " viability "),
    ],
)
def test_labels(style: str, single: str, dump: str, dead: str) -> None:
    written = [label(markers, "APC-Cy7", style) for markers in (("CD3",), ("CD19", "CD14"), ("viability",))]
    assert written == [single, dump, dead]


def test_labels_of_all_styles_are_tested_above() -> None:
    pairs = {style: label(("CD3",), "APC-Cy7", style) for style in LABEL_STYLES}
    assert len(set(pairs.values())) == len(LABEL_STYLES) == 5


def resolved(marker: str, pattern: str, labels: list[str]) -> int:
    """Where a panel file that knows the marker by its label alone finds it; fails where two channels match."""
    panel = Panel({marker: MarkerRule(None, pattern, False)}, {}, None, "none")
    # Not "-A": among several matches the only area would be taken, and an ambiguous label would go unseen.
    channels = [(f"P{number}-H", one) for number, one in enumerate(labels)]
    return resolve_channels(panel, channels, file="made.fcs").channels[marker]


@pytest.mark.parametrize("style", LABEL_STYLES)
def test_panel_file_finds_every_marker_in_its_own_channel(style: str) -> None:
    labels = [label(markers, dye, style) for markers, dye in STAINING.items()]
    print(labels)
    for index, markers in enumerate(STAINING):
        for marker in markers:
            pattern = VIABILITY_PATTERN if marker == "viability" else rf"\b{marker}\b"
            assert resolved(marker, pattern, labels) == index


@pytest.mark.parametrize(
    ("markers", "dye", "style"),
    [
        ((), "PE", "marker"),
        (("",), "PE", "marker"),
        ((" ",), "PE", "spaced"),
        (("CD19", ""), "PE", "lower"),
        (("CD3",), "", "dye - marker"),
        (("CD3",), " ", "marker dye"),
    ],
)
def test_label_that_would_lack_a_word_is_refused(markers: tuple[str, ...], dye: str, style: str) -> None:
    with pytest.raises(ValueError, match=r"^label: found markers .* expected words for the style"):
        label(markers, dye, style)


def test_dye_may_be_missing_where_it_is_not_written() -> None:
    assert [label(("CD3",), "", style) for style in ("marker", "lower", "spaced")] == ["CD3", "cd3", " CD3 "]


def test_unknown_style_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^label_style: found 'blank', expected one of 'marker', "):
        label(("CD3",), "PE", "blank")


@pytest.mark.parametrize(
    ("file", "channel", "markers", "dye", "style"),
    [
        ("omip021/Donor1.fcs", "670/30Violet-A", ("CD3",), "BV785", "dye - marker"),
        ("omip021/Donor1.fcs", "710/50Blue-A", ("CD45RA",), "PerCP-Cy55", "dye - marker"),
        ("omip021/Donor1.fcs", "525/50Violet-A", ("viability",), "L/D Aqua", "dye - marker"),
        ("flowio/fcs_files/data1.fcs", "FL3-H", ("CD3",), "PerCP", "marker dye"),
        ("fcsparser-tests/FACS_Diva/facs_diva_test.fcs", "PerCP-A", ("CD45",), "PerCP", "marker"),
    ],
)
def test_real_files_have_these_labels(file: str, channel: str, markers: tuple[str, ...], dye: str, style: str) -> None:
    if not (SHARED / file).is_file():
        pytest.skip("the real files are not beside this checkout (../shared/data)")
    import flowio

    data = flowio.FlowData(SHARED / file, only_text=True)
    assert data.pns_labels[data.pnn_labels.index(channel)] == label(markers, dye, style)
