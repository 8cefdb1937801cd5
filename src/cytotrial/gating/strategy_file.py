"""The gating strategy as a YAML file: read, and every mistake told at once. Light: no numpy here."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from cytotrial.cytometry.scale import Scale
from cytotrial.documents import plain, read_yaml
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.gating.arguments import LIMITS, MARKERS_OF, METHODS
from cytotrial.gating.strategy import ROOT, Rule, Strategy

POOLS = ("none", "subject", "batch", "site", "trial")
ALIGNED = ("file", "batch", "none")
ORDERED = (("least_fold", "most_fold"), ("bulk", "tail"))  # arguments of which the first is below the second
CONTROLLED = ("valley", "fixed", "reference_population")  # methods whose lower bound a staining control can give
ONE_SIDED = ("valley", "relative_threshold", "fixed", "opposite")  # methods whose gate is one threshold
DRAWN = ("flowjo", "gatingml")  # methods that take a gate as a person drew it
NO_POOL = ("steady_signal", "opposite", *DRAWN)
NO_FALLBACK = ("steady_signal", "singlet_band", "opposite", "scatter_cluster", "corner", "below_range", *DRAWN)
STEPS = ("quality", "optional", "lineage")
SCALES = ("logicle", "asinh")
# GatingML identifies gates by NCName; FlowKit rejects its own export of anything else.
ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DRAWINGS = (".wsp", ".xml")
TOP_KEYS = ("strategy", "scale", "populations")
ENTRY_KEYS = ("id", "parent", "markers", "method", "args", "pool", "align", "far", "control", "fallback", "step")


def load_strategy(path: Path, gate_map: Path | None = None) -> Strategy:
    """Read and check a strategy file.

    Parameters
    ----------
    gate_map : Path, optional
        Which gate is which population, where `path` is a FlowJo workspace or a GatingML file.

    Raises
    ------
    CytotrialError
        Every mistake of the file, one line each.
    """
    if gate_map is not None or path.suffix.lower() in DRAWINGS:
        return _load_drawn(path, gate_map)
    document = plain(read_yaml(path))
    if not isinstance(document, dict):
        raise CytotrialError(
            problem(
                str(path),
                found=_kind(document),
                expected="keys strategy, scale, populations",
                remedy="see config/README.md",
            )
        )
    problems = _unknown_keys(str(path), document, TOP_KEYS)
    scale = _scale(path, document.get("scale") or {}, problems)
    entries = document.get("populations")
    if not isinstance(entries, list) or not entries:
        problems.append(
            problem(
                f"{path}, populations",
                found=_kind(entries),
                expected="a list of populations",
                remedy="add one entry per population",
            )
        )
        entries = []
    rules: list[Rule] = []
    above: dict[str, Rule | None] = {ROOT: None}  # wrong entries too: a child does not repeat its parent's mistake
    for number, entry in enumerate(entries, start=1):
        rule = _rule(f"{path}, populations, entry {number}", entry, above, problems)
        if rule:
            rules.append(rule)
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            above.setdefault(entry["id"], rule)
    if problems:
        raise CytotrialError(problems)
    return Strategy(str(document.get("strategy", path.stem)), scale, tuple(rules))


def _load_drawn(path: Path, gate_map: Path | None) -> Strategy:
    from cytotrial.gating.drawn.gate_map import load_drawn_strategy

    if gate_map is None:
        expected, remedy = "a gate map that says which gate is which population", "name it as gate_map"
        raise CytotrialError(problem(str(path), found="no gate map", expected=expected, remedy=remedy))
    if path.suffix.lower() in (".yaml", ".yml"):
        expected, remedy = "none: a YAML strategy names its populations itself", "remove gate_map"
        raise CytotrialError(problem(str(path), found=f"the gate map {gate_map}", expected=expected, remedy=remedy))
    return load_drawn_strategy(path, gate_map)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{value!r}"


def _unknown_keys(where: str, mapping: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    return [
        problem(
            f"{where}, {key}",
            found="an unknown key",
            expected=f"one of {', '.join(known)}",
            remedy=f"correct or remove it{did_you_mean(str(key), known)}",
        )
        for key in mapping
        if key not in known
    ]


def _scale(path: Path, mapping: Any, problems: list[str]) -> Scale:
    where = f"{path}, scale"
    if not isinstance(mapping, dict):
        problems.append(
            problem(where, found=_kind(mapping), expected="{method: logicle, w, m, a}", remedy="correct it")
        )
        return Scale()
    problems += _unknown_keys(where, mapping, tuple(f.name for f in dataclasses.fields(Scale)))
    method = mapping.get("method", "logicle")
    if method not in SCALES:
        problems.append(
            problem(
                f"{where}, method",
                found=f"{method!r}",
                expected=" or ".join(SCALES),
                remedy=f"choose one{did_you_mean(str(method), SCALES)}",
            )
        )
    numbers = {key: mapping.get(key, getattr(Scale(), key)) for key in ("w", "m", "a")}
    bad = {key: value for key, value in numbers.items() if not _is_number(value)}
    problems += [
        problem(f"{where}, {key}", found=repr(value), expected="a number", remedy="correct it")
        for key, value in bad.items()
    ]
    if bad:
        return Scale()
    scale = Scale(str(method), **{key: float(value) for key, value in numbers.items()})
    if not (scale.m > 0 and 0 <= scale.w <= scale.m / 2 and -scale.w <= scale.a <= scale.m - 2 * scale.w):
        problems.append(
            problem(
                where,
                found=f"w={scale.w}, m={scale.m}, a={scale.a}",
                expected="m > 0, 0 <= w <= m/2, -w <= a <= m - 2w (GatingML 2.0)",
                remedy="correct them",
            )
        )
    return scale


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _rule(where: str, entry: Any, above: Mapping[str, Rule | None], problems: list[str]) -> Rule | None:
    if not isinstance(entry, dict):
        problems.append(
            problem(
                where,
                found=_kind(entry),
                expected=f"a mapping with {', '.join(ENTRY_KEYS)}",
                remedy="correct it",
            )
        )
        return None
    where = f"{where} ({entry.get('id', 'no id')})"
    before = len(problems)
    problems += _unknown_keys(where, entry, ENTRY_KEYS)
    _check_family(where, entry, list(above), problems)
    method = entry.get("method")
    _check_choice(f"{where}, method", method, tuple(METHODS), problems)
    if not isinstance(method, str) or method not in METHODS:
        return None
    markers = _markers(f"{where}, markers", method, entry.get("markers"), problems)
    args = _arguments(f"{where}, args", METHODS[method], entry.get("args") or {}, problems)
    fallback = _fallback(f"{where}, fallback", method, entry.get("fallback"), markers, problems)
    _check_agreement(where, method, entry, problems)
    _check_choice(f"{where}, step", entry.get("step", "lineage"), STEPS, problems)
    if method == "opposite" and args is not None and markers is not None:
        _check_opposite(f"{where}, args, of", args.of, markers, above, problems)
    if len(problems) > before:
        return None
    return Rule(
        entry["id"],
        entry["parent"],
        markers,
        method,
        args,
        entry.get("pool", "none"),
        fallback,
        entry.get("step", "lineage"),
        entry.get("align", "file"),
        entry.get("far", 4.0),
        entry.get("control"),
    )


def _check_agreement(where: str, method: str, entry: Mapping[str, Any], problems: list[str]) -> None:
    """What the rule says of other files: its pool, what it holds over it, and its staining control."""
    _check_pool(f"{where}, pool", method, entry.get("pool", "none"), problems)
    _check_choice(f"{where}, align", entry.get("align", "file"), ALIGNED, problems)
    _check_far(f"{where}, far", entry.get("far", 4.0), problems)
    args = entry.get("args")
    keep = args.get("keep", "above") if isinstance(args, dict) else "above"
    _check_control(f"{where}, control", method, entry.get("control"), keep, problems)


def _check_pool(where: str, method: str, pool: Any, problems: list[str]) -> None:
    _check_choice(where, pool, POOLS, problems)
    if method in NO_POOL and pool != "none":
        expected = f"none: another file's {method} says nothing of this one"
        problems.append(problem(where, found=repr(pool), expected=expected, remedy="remove it"))


def _markers(where: str, method: str, given: Any, problems: list[str]) -> tuple[str, ...] | None:
    fewest, most = MARKERS_OF[method]
    names = given if isinstance(given, list) and all(isinstance(marker, str) for marker in given) else []
    if fewest <= len(names) <= most and len(set(names)) == len(names):
        return tuple(names)
    problems.append(
        problem(
            where,
            found=_kind(given),
            expected=f"a list of {fewest if fewest == most else f'{fewest} to {most}'} marker names, each once",
            remedy="correct it",
        )
    )
    return None


def _check_opposite(
    where: str, of: str, markers: tuple[str, ...], above: Mapping[str, Rule | None], problems: list[str]
) -> None:
    other = above.get(of)
    if of in above and of != ROOT and other is None:
        return  # wrong itself, and told so
    if other is None or other.method not in ONE_SIDED or other.markers != markers:
        problems.append(
            problem(
                where,
                found=f"{of!r}",
                expected=f"a population above this one with one threshold on {markers[0]}",
                remedy="name one",
            )
        )


def _check_far(where: str, far: Any, problems: list[str]) -> None:
    if far is not None and not (_is_number(far) and far > 0):
        expected = "robust SDs, a number above 0, or null where a file's own placement is always believed"
        problems.append(problem(where, found=repr(far), expected=expected, remedy="correct it"))


def _check_control(where: str, method: str, control: Any, keep: Any, problems: list[str]) -> None:
    if control is None:
        return
    if method not in CONTROLLED:
        expected, remedy = f"none: a staining control says nothing of a {method} gate", "remove it"
        problems.append(problem(where, found=repr(control), expected=expected, remedy=remedy))
    elif keep == "below":
        expected, remedy = "none: a control gives a lower bound, and this gate keeps what lies below", "remove it"
        problems.append(problem(where, found=repr(control), expected=expected, remedy=remedy))
    elif not (_is_number(control) and 0.5 <= control < 1.0):
        expected = "the share of a control's cells below the gate, 0.5 to 1"
        problems.append(problem(where, found=repr(control), expected=expected, remedy="correct it"))


def _check_family(where: str, entry: Mapping[str, Any], above: list[str], problems: list[str]) -> None:
    name, parent = entry.get("id"), entry.get("parent")
    if not (isinstance(name, str) and ID.fullmatch(name)):
        problems.append(
            problem(
                f"{where}, id",
                found=_kind(name),
                expected="letters, digits and _ (it names a gate in GatingML)",
                remedy="rename it",
            )
        )
    elif name in above:
        problems.append(problem(f"{where}, id", found=f"{name!r} again", expected="each id once", remedy="rename one"))
    if parent not in above:
        problems.append(
            problem(
                f"{where}, parent",
                found=_kind(parent),
                expected="root or a population above this one",
                remedy=f"put parents above children{did_you_mean(str(parent), above)}",
            )
        )


def _check_choice(where: str, value: Any, choices: tuple[str, ...], problems: list[str]) -> None:
    if value not in choices:
        problems.append(
            problem(
                where,
                found=_kind(value),
                expected=f"one of {', '.join(choices)}",
                remedy=f"choose one{did_you_mean(str(value), choices)}",
            )
        )


def _arguments(where: str, kind: type, given: Any, problems: list[str]) -> Any:
    if not isinstance(given, dict):
        problems.append(problem(where, found=_kind(given), expected="a mapping", remedy="correct it"))
        return None
    names = tuple(field.name for field in dataclasses.fields(kind))
    before = len(problems)
    problems += _unknown_keys(where, given, names)
    hints = get_type_hints(kind)
    for key in given:
        if key in names and not _fits(given[key], str(hints[key])):
            problems.append(
                problem(
                    f"{where}, {key}",
                    found=repr(given[key]),
                    expected=_words(str(hints[key])),
                    remedy="correct it",
                )
            )
        elif key in LIMITS and given[key] is not None and not LIMITS[key][0] <= given[key] <= LIMITS[key][1]:
            expected = "{:g} or more" if LIMITS[key][1] == math.inf else "{:g} to {:g}"
            problems.append(
                problem(
                    f"{where}, {key}",
                    found=repr(given[key]),
                    expected=expected.format(*LIMITS[key]),
                    remedy="correct it",
                )
            )
    required = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING]
    problems += [
        problem(f"{where}, {key}", found="nothing", expected="a value", remedy="add it")
        for key in required
        if key not in given
    ]
    if given.get("keep", "above") not in ("above", "below"):
        problems.append(
            problem(f"{where}, keep", found=repr(given["keep"]), expected="above or below", remedy="choose one")
        )
    return _in_order(where, kind(**given), problems) if len(problems) == before else None


def _in_order(where: str, args: Any, problems: list[str]) -> Any:
    """The arguments, held against each other."""
    problems += [
        problem(f"{where}, {low}", found=f"{getattr(args, low)!r}", expected=f"less than {high}", remedy="correct one")
        for low, high in ORDERED
        if hasattr(args, high) and not getattr(args, low) < getattr(args, high)
    ]
    return args


def _fits(value: Any, hint: str) -> bool:
    if value is None:
        return "None" in hint
    if "str" in hint:
        return isinstance(value, str)
    if "bool" in hint:
        return isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool) if hint == "<class 'int'>" else _is_number(value)


def _words(hint: str) -> str:
    known = {"str": "text", "bool": "true or false", "'int'": "a whole number"}
    return next((word for kind, word in known.items() if kind in hint), "a number")


def _fallback(
    where: str, method: str, value: Any, markers: tuple[str, ...] | None, problems: list[str]
) -> tuple[float, ...] | None:
    if value is None or markers is None:
        return None
    if method in NO_FALLBACK:
        problems.append(
            problem(
                where,
                found=repr(value),
                expected=f"no fallback: thresholds cannot say what {method} does",
                remedy="remove it",
            )
        )
        return None
    values = value if isinstance(value, list) else [value]
    if len(values) != len(markers) or not all(_is_number(number) for number in values):
        problems.append(
            problem(where, found=repr(value), expected="one linear threshold per marker", remedy="correct it")
        )
        return None
    return tuple(float(number) for number in values)
