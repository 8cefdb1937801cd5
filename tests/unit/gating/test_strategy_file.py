"""The gating strategy file: every mistake named, all of them at once, none of them twice."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cytotrial.errors import CytotrialError
from cytotrial.gating.arguments import LIMITS, MARKERS_OF, METHODS, ScatterCluster, Valley
from cytotrial.gating.strategy import Rule, Strategy
from cytotrial.gating.strategy_file import load_strategy

GOOD = """\
strategy: mine
scale: {method: logicle, w: 0.5, m: 4.5, a: 0}
populations:
  - {id: in_range, parent: root, markers: [FSC-A, SSC-A], method: below_range, step: quality}
  - {id: singlets, parent: in_range, markers: [FSC-A, FSC-H, FSC-W], method: singlet_band, step: quality}
  - {id: cd3, parent: singlets, markers: [CD3], method: valley, args: {keep: above}, pool: trial, fallback: 500}
  - {id: cd3_negative, parent: singlets, markers: [CD3], method: opposite, args: {of: cd3}}
  - {id: cd4, parent: cd3, markers: [CD4, CD8], method: quadrant, pool: batch, fallback: [300, 900.5]}
"""
CHECKOUT = Path(__file__).resolve().parents[3]


def load(tmp_path: Path, text: str) -> Strategy:
    """The strategy written in `text`."""
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return load_strategy(path)


def mistakes(tmp_path: Path, text: str) -> tuple[str, ...]:
    """Every mistake found in `text`, its path shortened."""
    with pytest.raises(CytotrialError) as caught:
        load(tmp_path, text)
    return tuple(line.replace(f"{tmp_path}/", "") for line in caught.value.problems)


def test_good(tmp_path: Path) -> None:
    strategy = load(tmp_path, GOOD)
    assert strategy.name == "mine"
    assert (strategy.scale.w, strategy.scale.a) == (0.5, 0.0)
    assert strategy.population_ids == ("root", "in_range", "singlets", "cd3", "cd3_negative", "cd4")
    assert strategy.markers == {"FSC-A", "SSC-A", "FSC-H", "FSC-W", "CD3", "CD4", "CD8"}
    cd3, cd4 = strategy.rules[2], strategy.rules[4]
    assert cd3 == Rule("cd3", "singlets", ("CD3",), "valley", Valley(keep="above"), "trial", (500.0,), "lineage")
    assert cd4.fallback == (300.0, 900.5)
    assert [rule.may_be_skipped for rule in strategy.rules] == [True, True, False, False, False]


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_bundled(panel: str) -> None:
    ids = load_strategy(CHECKOUT / f"config/gating/{panel}.yaml").population_ids
    wanted = {"treg": {"lymphocytes", "cd3", "cd4", "cd8", "treg"}, "nk": {"lymphocytes", "cd3", "nk", "cd56bright_nk"}}
    assert wanted[panel] <= set(ids)


def test_how_files_agree(tmp_path: Path) -> None:
    """What is not said: each file's own instrument, four robust SDs, no staining control."""
    cd3 = load(tmp_path, GOOD).rules[2]
    assert (cd3.align, cd3.far, cd3.control) == ("file", 4.0, None)
    said = "pool: site, align: batch, far: 5.5, control: 0.995"
    cd3 = load(tmp_path, GOOD.replace("pool: trial", said)).rules[2]
    assert (cd3.pool, cd3.align, cd3.far, cd3.control) == ("site", "batch", 5.5, 0.995)
    assert load(tmp_path, GOOD.replace("pool: trial", "far: null, control: null")).rules[2].far is None


@pytest.mark.parametrize("method", ["valley", "fixed", "reference_population"])
def test_methods_that_a_staining_control_can_move(tmp_path: Path, method: str) -> None:
    markers = "[A, B]" if method == "reference_population" else "[A]"
    args = "{threshold: 5}" if method == "fixed" else "{}"
    entry = f"{{id: x, parent: root, markers: {markers}, method: {method}, args: {args}, control: 0.998}}"
    assert load(tmp_path, f"populations:\n  - {entry}\n").rules[0].control == 0.998


def test_corner(tmp_path: Path) -> None:
    """Its seed marker is one that the panel must map, as its own markers are; thresholds cannot say what it does."""
    entry = "populations:\n  - {id: c, parent: root, markers: [SSC-A, dump], method: corner%s}\n"
    strategy = load(tmp_path, entry % ", args: {seed_marker: CD5, sds: 5}, step: optional, pool: trial")
    assert strategy.markers == {"SSC-A", "dump", "CD5"}
    assert "seed_marker: found None, expected text" in mistakes(tmp_path, entry % ", args: {seed_marker: null}")[0]
    assert "expected no fallback" in mistakes(tmp_path, entry % ", fallback: [1, 2]")[0]


def test_name_and_scale_have_defaults(tmp_path: Path) -> None:
    strategy = load(tmp_path, GOOD[GOOD.index("populations") :])
    assert (strategy.name, strategy.scale.method, strategy.scale.w) == ("mine", "logicle", 1.0)


ONE_MISTAKE = [
    # old, new, where, what
    ("strategy: mine", "stratgy: mine", "mine.yaml, stratgy", "did you mean 'strategy'?"),
    ("method: logicle", "method: biex", "mine.yaml, scale, method", "found 'biex', expected logicle or asinh"),
    ("w: 0.5", "w: wide", "mine.yaml, scale, w", "found 'wide', expected a number"),
    ("w: 0.5", "w: .nan", "mine.yaml, scale, w", "found nan, expected a number"),
    ("w: 0.5", "width: 0.5", "mine.yaml, scale, width", "an unknown key"),
    ("w: 0.5", "w: 3", "mine.yaml, scale", "found w=3.0, m=4.5, a=0.0"),
    ("m: 4.5", "m: -1", "mine.yaml, scale", "expected m > 0"),
    ("scale: {method: logicle, w: 0.5, m: 4.5, a: 0}", "scale: logicle", "mine.yaml, scale", "found 'logicle'"),
    ("id: cd4,", "id: CD4+,", "entry 5 (CD4+), id", "found 'CD4+', expected letters, digits and _"),
    ("id: cd4,", "id: 4cd,", "entry 5 (4cd), id", "it names a gate in GatingML"),
    ("id: cd4,", "id: cd3,", "entry 5 (cd3), id", "found 'cd3' again, expected each id once"),
    ("id: cd4,", "id: root,", "entry 5 (root), id", "found 'root' again"),
    ("{id: cd4, ", "{", "entry 5 (no id), id", "found nothing"),
    ("parent: cd3,", "parent: cd3s,", "entry 5 (cd4), parent", "did you mean 'cd3'?"),
    ("parent: cd3,", "parent: [cd3],", "entry 5 (cd4), parent", "found ['cd3'], expected root or a population above"),
    ("parent: cd3, ", "", "entry 5 (cd4), parent", "found nothing"),
    ("parent: in_range", "parent: cd3", "entry 2 (singlets), parent", "put parents above children"),
    ("parent: cd3,", "parent: cd4,", "entry 5 (cd4), parent", "found 'cd4', expected root or a population above"),
    ("method: quadrant", "method: quadrants", "entry 5 (cd4), method", "did you mean 'quadrant'?"),
    ("method: quadrant", "method: [quadrant]", "entry 5 (cd4), method", "found ['quadrant'], expected one of below"),
    ("method: quadrant", "method: quadrant, how: 1", "entry 5 (cd4), how", "found an unknown key"),
    ("[CD4, CD8]", "[CD4]", "entry 5 (cd4), markers", "expected a list of 2 marker names, each once"),
    ("[CD4, CD8]", "[CD4, CD4]", "entry 5 (cd4), markers", "found ['CD4', 'CD4'], expected a list of 2 marker names"),
    ("[CD4, CD8]", "[CD4, 8]", "entry 5 (cd4), markers", "found ['CD4', 8]"),
    ("[CD4, CD8]", "CD4", "entry 5 (cd4), markers", "found 'CD4'"),
    ("[FSC-A, FSC-H, FSC-W]", "[FSC-A]", "entry 2 (singlets), markers", "a list of 2 to 3 marker names"),
    ("args: {keep: above}", "args: {keeps: above}", "entry 3 (cd3), args, keeps", "did you mean 'keep'?"),
    ("args: {keep: above}", "args: {keep: left}", "entry 3 (cd3), args, keep", "expected above or below"),
    ("args: {keep: above}", "args: [keep]", "entry 3 (cd3), args", "found ['keep'], expected a mapping"),
    ("args: {keep: above}", "args: {prominence: deep}", "entry 3 (cd3), args, prominence", "expected a number"),
    ("args: {keep: above}", "args: {prominence: true}", "entry 3 (cd3), args, prominence", "expected a number"),
    ("args: {keep: above}", "args: {prominence: 30}", "entry 3 (cd3), args, prominence", "found 30, expected 0 to 1"),
    ("args: {keep: above}", "args: {least_share: .inf}", "entry 3 (cd3), args, least_share", "expected a number"),
    ("args: {keep: above}", "args: {least_fold: 0.5}", "entry 3 (cd3), args, least_fold", "expected 1 or more"),
    ("args: {keep: above}", "args: {prominence: null}", "entry 3 (cd3), args, prominence", "found None"),
    ("args: {of: cd3}", "args: {of: cd33}", "entry 4 (cd3_negative), args, of", "found 'cd33'"),
    ("args: {of: cd3}", "args: {of: root}", "entry 4 (cd3_negative), args, of", "found 'root'"),
    ("args: {of: cd3}", "args: {of: 3}", "entry 4 (cd3_negative), args, of", "found 3, expected text"),
    (", args: {of: cd3}", "", "entry 4 (cd3_negative), args, of", "found nothing, expected a value"),
    ("args: {of: cd3}", "args: {of: singlets}", "entry 4 (cd3_negative), args, of", "one threshold on CD3"),
    ("[CD3], method: opposite", "[CD4], method: opposite", "entry 4 (cd3_negative), args, of", "one threshold on CD4"),
    ("pool: batch", "pool: batches", "entry 5 (cd4), pool", "did you mean 'batch'?"),
    ("pool: batch", "pool: [batch]", "entry 5 (cd4), pool", "found ['batch']"),
    ("pool: batch", "pool: batch, align: files", "entry 5 (cd4), align", "did you mean 'file'?"),
    ("pool: batch", "pool: batch, align: 1", "entry 5 (cd4), align", "found 1, expected one of file, batch, none"),
    ("pool: batch", "pool: batch, far: 0", "entry 5 (cd4), far", "found 0, expected robust SDs, a number above 0"),
    ("pool: batch", "pool: batch, far: -4", "entry 5 (cd4), far", "found -4, expected robust SDs"),
    (
        "pool: batch",
        "pool: batch, far: none",
        "entry 5 (cd4), far",
        "null where a file's own placement is always believed",
    ),
    (
        "pool: batch",
        "pool: batch, control: 0.99",
        "entry 5 (cd4), control",
        "a staining control says nothing of a quadrant",
    ),
    (
        "pool: trial",
        "pool: trial, control: 99.8",
        "entry 3 (cd3), control",
        "found 99.8, expected the share of a control's",
    ),
    ("pool: trial", "pool: trial, control: 1", "entry 3 (cd3), control", "found 1, expected the share of a control's"),
    ("pool: trial", "pool: trial, control: 0.4", "entry 3 (cd3), control", "0.5 to 1"),
    ("pool: trial", "pool: trial, control: true", "entry 3 (cd3), control", "found True"),
    ("args: {keep: above}", "args: {dim_fold: -1}", "entry 3 (cd3), args, dim_fold", "expected 0 or more"),
    ("args: {keep: above}", "args: {negative: CD19}", "entry 3 (cd3), args, negative", "found an unknown key"),
    ("args: {of: cd3}", "args: {of: cd3}, pool: site", "entry 4 (cd3_negative), pool", "says nothing of this one"),
    ("step: quality}\n  - {id: cd3", "step: qc}\n  - {id: cd3", "entry 2 (singlets), step", "found 'qc'"),
    ("fallback: 500", "fallback: low", "entry 3 (cd3), fallback", "one linear threshold per marker"),
    ("fallback: 500", "fallback: [1, 2]", "entry 3 (cd3), fallback", "one linear threshold per marker"),
    ("args: {of: cd3}", "args: {of: cd3}, fallback: 5", "entry 4 (cd3_negative), fallback", "expected no fallback"),
]


@pytest.mark.parametrize(
    ("old", "new", "where", "told"), ONE_MISTAKE, ids=[f"{o} -> {n}" for o, n, _, _ in ONE_MISTAKE]
)
def test_one_mistake_is_told_once(tmp_path: Path, old: str, new: str, where: str, told: str) -> None:
    """Where, what was found, what was expected; and nothing about the innocent entries below."""
    assert GOOD.count(old) == 1, "the test's own mistake"
    (line,) = mistakes(tmp_path, GOOD.replace(old, new))
    assert where in line.split(": found")[0]
    assert told in line
    assert line.startswith("mine.yaml")
    assert "; " in line


def test_five_mistakes_at_once(tmp_path: Path) -> None:
    text = GOOD
    for old, new in (
        ("strategy: mine", "stratgy: mine"),
        ("w: 0.5", "w: wide"),
        ("parent: in_range", "parent: inrange"),
        ("method: quadrant", "method: quad"),
        ("args: {of: cd3}", "args: {off: cd3}"),
    ):
        text = text.replace(old, new)
    found = mistakes(tmp_path, text)
    for word in (
        "stratgy",
        "scale, w",
        "entry 2 (singlets), parent",
        "entry 5 (cd4), method",
        "args, off",
        "args, of:",
    ):
        assert sum(word in line for line in found) == 1, (word, found)
    assert len(found) == 6  # the sixth: `of` is missing where `off` was written


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text\n", "3\n"])
def test_no_mapping(tmp_path: Path, text: str) -> None:
    (line,) = mistakes(tmp_path, text)
    assert "expected keys strategy, scale, populations" in line


@pytest.mark.parametrize("text", ["strategy: x\n", "populations: []\n", "populations: {a: 1}\n", "populations: cd3\n"])
def test_no_populations(tmp_path: Path, text: str) -> None:
    (line,) = mistakes(tmp_path, text)
    assert "expected a list of populations" in line


@pytest.mark.parametrize("entry", ["cd3", "[cd3]", "null", "3"])
def test_entry_that_is_no_mapping(tmp_path: Path, entry: str) -> None:
    (line,) = mistakes(tmp_path, f"populations:\n  - {entry}\n")
    assert "populations, entry 1: found" in line


def test_syntax_error_names_its_line(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, GOOD.replace("pool: trial", "pool: trial}"))
    assert "mine.yaml, line 6" in line or "mine.yaml, line 7" in line


def test_key_written_twice(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, GOOD.replace("pool: batch", "pool: batch, pool: trial"))
    assert "pool" in line


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(CytotrialError, match=r"absent\.yaml: found no readable file"):
        load_strategy(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("available", "usable"),
    [
        ({"FSC-A", "FSC-H", "FSC-W"}, ("FSC-A", "FSC-H")),
        ({"FSC-A", "FSC-W"}, ("FSC-A", "FSC-W")),
        ({"FSC-A"}, ()),
        ({"FSC-H", "FSC-W"}, ()),
        (set(), ()),
    ],
)
def test_singlets_use_the_pair_that_is_there(tmp_path: Path, available: set[str], usable: tuple[str, ...]) -> None:
    assert load(tmp_path, GOOD).rules[1].usable_markers(available) == usable


def test_other_methods_need_all_their_markers(tmp_path: Path) -> None:
    quadrant = load(tmp_path, GOOD).rules[4]
    assert quadrant.usable_markers({"CD8", "CD4", "CD3"}) == ("CD4", "CD8")
    assert quadrant.usable_markers({"CD4"}) == ()


# The arguments themselves.


def test_every_method_has_a_module_and_a_number_of_markers() -> None:
    folder = CHECKOUT / "src/cytotrial/gating/methods"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules | {"opposite"} == set(METHODS) == set(MARKERS_OF)


def test_every_number_has_limits_and_its_default_lies_within() -> None:
    for name, kind in METHODS.items():
        for field in dataclasses.fields(kind):
            if field.name in ("keep", "of", "seed_marker", "threshold", "file", "gate", "sample", "deepest"):
                continue
            low, high = LIMITS[field.name]
            assert field.default is None or low <= field.default <= high, (name, field.name)


def test_text_that_may_be_absent(tmp_path: Path) -> None:
    """A lymphocyte gate without a seed marker is a choice."""
    entry = "populations:\n  - {id: l, parent: root, markers: [FSC-A, SSC-A], method: scatter_cluster, args: %s}\n"
    assert load(tmp_path, entry % "{seed_marker: null}").rules[0].args == ScatterCluster(seed_marker=None)
    (line,) = mistakes(tmp_path, entry % "{seed_marker: 3}")
    assert "seed_marker: found 3, expected text" in line


def test_whole_numbers(tmp_path: Path) -> None:
    entry = "populations:\n  - {id: t, parent: root, markers: [Time], method: steady_signal, args: {bin_events: %s}}\n"
    assert load(tmp_path, entry % 300).rules[0].args.bin_events == 300
    assert "found 300.5, expected a whole number" in mistakes(tmp_path, entry % 300.5)[0]
    assert "found 0, expected 1 or more" in mistakes(tmp_path, entry % 0)[0]
