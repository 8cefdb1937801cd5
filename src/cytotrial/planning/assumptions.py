"""What a plan assumes: a trial's parameters, the measured gating error, and a laboratory's own numbers in their places.

What `own_assumptions` reads and what `text.assumptions_yaml` writes have the same keys: what one run assumed can be the
next run's own file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from cytotrial.documents import load_schema, plain, read_yaml, schema_problems, shown, text_of
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.quality import QualityRules
from cytotrial.simulate.blood.trajectory import exposure
from cytotrial.simulate.parameters import DEFAULT_PROFILE, laboratory, trial_data
from cytotrial.simulate.trial.many_subjects import steps_between
from cytotrial.simulate.trial.plan import NOT_LYMPHOCYTES, dosing_days
from cytotrial.simulate.trial.sheets import PRIMARY
from cytotrial.simulate.trial.subjects import known_visits

DEFAULT_TRIAL = "he2020"
DAYS_PER_WEEK = 7.0
GATING = ("gating_subject_sd", "gating_sd", "gating_effect_bias")
# Subset -> its primary denominator, and the trajectory that moves it; CD8 has none: it is what CD4 and others leave.
SHARE = {subset: next(steps_between(subset, PRIMARY[subset])) for subset in PRIMARY}
BACKGROUND = ("double_negative_of_not_cd4", "b_of_lymphocytes")


@dataclass(frozen=True)
class Assumptions:
    """All that a plan assumes.

    Attributes
    ----------
    document : mapping
        Every assumption under its key.
    sources : mapping
        The same keys, each with where its value comes from.
    data : mapping
        The trial's parameters as the simulator knows them, these assumptions in their places.
    visits : tuple of (id, day)
        All, the baseline among them.
    """

    document: Mapping[str, Any]
    sources: Mapping[str, Any]
    data: Mapping[str, Any]
    visits: tuple[tuple[str, float], ...]

    @property
    def baseline(self) -> str:
        """The visit that changes start from."""
        return self.document["baseline"]

    @property
    def later_visits(self) -> tuple[str, ...]:
        """The others, in order of time."""
        return tuple(visit for visit, _ in sorted(self.visits, key=lambda pair: pair[1]) if visit != self.baseline)

    def exposure_at(self, visit: str, *, half_life_days: float) -> float:
        """How far the treatment has taken hold at a visit, 0 to 1."""
        return exposure(
            dict(self.visits)[visit], half_life_days=half_life_days, dosing=dosing_days(self.data["dosing"])
        )

    def usual_visits(self) -> tuple[str, ...]:
        """Those of a plan that names none: where the treatment holds NK cells strongest, and the one after."""
        half_life = self.data["trajectories"]["nk_of_lymphocytes"]["half_life_days"]
        held = [self.exposure_at(visit, half_life_days=half_life) for visit in self.later_visits]
        strongest = held.index(max(held))
        return self.later_visits[strongest : strongest + 2]


def packaged_assumptions(trial: str = DEFAULT_TRIAL) -> Assumptions:
    """Those of a simulated trial under its default laboratory, and the measured gating error."""
    document, sources = _defaults(trial)
    return _assumptions(trial, document, sources)


def own_assumptions(path: Path, *, trial: str | None = None) -> Assumptions:
    """`packaged_assumptions` with those of a file in their places, key by key.

    Parameters
    ----------
    trial : str, optional
        Whose parameters fill what the file leaves out; by default the file's ``trial``, else he2020.

    Raises
    ------
    CytotrialError
        With every mistake in the file.
    """
    own = read_yaml(path)
    if not isinstance(own, Mapping):
        wanted = "a mapping with some of the keys alpha, missing, subsets, ..."
        raise CytotrialError(problem(str(path), found=shown(own), expected=wanted, remedy="see docs/planning.md"))
    mistakes = [
        *schema_problems(own, load_schema("planning"), where=str(path)),
        *_contradictions(own, str(path), trial),
    ]
    if mistakes:
        raise CytotrialError(mistakes)
    own = _with_ids_as_written(own)
    trial = own.pop("trial", trial or DEFAULT_TRIAL)
    document, sources = _defaults(trial)
    _lay_over(document, sources, own, source=path.name)
    mistakes = _impossible(document, str(path))
    if mistakes:
        raise CytotrialError(mistakes)
    return _assumptions(trial, document, sources)


@cache
def measured_gating_error() -> dict[str, Any]:
    """``data/gating_error.yaml``: ``measured_by`` and, per subset, the SDs and the bias."""
    return yaml.safe_load((files("cytotrial.planning") / "data" / "gating_error.yaml").read_text(encoding="utf-8"))


def percent_of(logit: float) -> float:
    """A logit as a percentage."""
    return 100.0 / (1.0 + math.exp(-logit))


def logit_of(percent: float) -> float:
    """A percentage between 0 and 100 as a logit."""
    return math.log(percent / (100.0 - percent))


def _defaults(trial: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Document and sources of a simulated trial; percentages in four decimals, so that a written file says it all."""
    data, measured = trial_data(trial, DEFAULT_PROFILE), measured_gating_error()
    others = sum(data["composition"][name] for name in NOT_LYMPHOCYTES) + data["composition"]["aggregates"]
    document = {
        "alpha": 0.05,
        "missing": laboratory(DEFAULT_PROFILE).missing,
        "not_reported": QualityRules().not_reported,
        "response_log_sd": data["response"]["log_sd"],
        "response_correlation": data["response"]["correlation"],
        "nk_bright_correlation": data["nk_bright_correlation"],
        "baseline": data["trial"]["baseline"],
        "visits": [{"id": visit, "day": day} for visit, day in known_visits(trial)],
        "dosing": [{"from_day": start, "to_day": stop} for start, stop in dosing_days(data["dosing"])],
        "tubes": {
            "lymphocytes_percent": round(100.0 * (1.0 - others), 4),
            "preparation_sd": data["matrix_sd"],
            "doublets": data["doublets"],
            "triplets": data["triplets"],
        },
        "subsets": {subset: _subset(data, subset, measured["subsets"][subset]) for subset in PRIMARY},
        "background": {name: _trajectory(data["trajectories"][name]) for name in BACKGROUND},
    }
    sources = _everywhere(document, f"simulated trial {trial}")
    sources["alpha"] = "convention"
    sources["missing"] = f"laboratory {DEFAULT_PROFILE} of the simulator"
    sources["not_reported"] = "the workflow's own rule"
    for subset in PRIMARY:
        sources["subsets"][subset] |= dict.fromkeys(GATING, "measured")
    return document, sources


def _subset(data: Mapping[str, Any], subset: str, measured: Mapping[str, float]) -> dict[str, Any]:
    row = data["trajectories"].get(SHARE[subset])
    return {**(_trajectory(row) if row else {}), **{name: measured[name] for name in GATING}}


def _trajectory(row: Mapping[str, float]) -> dict[str, float]:
    return {
        "baseline_percent": round(percent_of(row["mu"]), 4),
        "effect_logit": row["effect"],
        "half_life_days": row["half_life_days"],
        "subject_sd": row["subject_sd"],
        "visit_sd": row["visit_sd"],
    }


def _everywhere(document: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The document's keys, each with the same source; a list is one value."""
    return {
        key: _everywhere(value, source) if isinstance(value, Mapping) else source for key, value in document.items()
    }


def _lay_over(document: dict[str, Any], sources: dict[str, Any], own: Mapping[str, Any], *, source: str) -> None:
    """Own values in place of the document's, in place; an effect in percent takes the place of one in logits."""
    for key, value in own.items():
        if isinstance(value, Mapping):
            _lay_over(document[key], sources[key], value, source=source)
            continue
        for other in {"effect_logit", "effect_percent"} - {key} if key.startswith("effect_") else ():
            document.pop(other, None)
            sources.pop(other, None)
        document[key], sources[key] = value, source


def _with_ids_as_written(own: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as numbers, but visits' ids as text exactly as written."""
    result = plain(own)
    if "visits" in own:
        result["visits"] = [{"id": text_of(row["id"]), "day": _day(row)} for row in own["visits"]]
    if "baseline" in own:
        result["baseline"] = text_of(own["baseline"])
    if "dosing" in own:
        periods = dosing_days(result["dosing"])
        result["dosing"] = [{"from_day": start, "to_day": stop} for start, stop in periods]
    return result


def _day(row: Mapping[str, Any]) -> float:
    return float(row["day"]) if "day" in row else DAYS_PER_WEEK * float(row["week"])


def _contradictions(own: Mapping[str, Any], where: str, trial: str | None) -> list[str]:
    """What a schema cannot see in the file alone."""
    mistakes = []
    if trial and "trial" in own and own["trial"] != trial:
        mistakes.append(
            problem(
                f"{where}, trial",
                found=shown(own["trial"]),
                expected=f"{trial!r} as --trial says",
                remedy="leave one of them out",
            )
        )
    for section in ("subsets", "background"):
        rows = own.get(section)
        for name, row in rows.items() if isinstance(rows, Mapping) else ():
            if isinstance(row, Mapping) and {"effect_logit", "effect_percent"} <= set(row):
                mistakes.append(
                    problem(
                        f"{where}, {section}, {name}",
                        found="both effect_logit and effect_percent",
                        expected="one of them",
                        remedy="remove the other",
                    )
                )
    return mistakes


def _impossible(document: Mapping[str, Any], where: str) -> list[str]:
    """What own values and the others cannot be together."""
    mistakes = []
    ids = [row["id"] for row in document["visits"]]
    for repeated in sorted({one for one in ids if ids.count(one) > 1}):
        mistakes.append(
            problem(f"{where}, visits", found=f"{repeated!r} twice", expected="each id once", remedy="rename one")
        )
    if document["baseline"] not in ids:
        mistakes.append(
            problem(
                f"{where}, baseline",
                found=repr(document["baseline"]) + did_you_mean(document["baseline"], ids),
                expected=f"one of the visits {', '.join(ids)}",
                remedy="correct it, or add the visit",
            )
        )
    for number, row in enumerate(document["dosing"], start=1):
        if row["to_day"] <= row["from_day"]:
            mistakes.append(
                problem(
                    f"{where}, dosing, entry {number}",
                    found=f"the days {row['from_day']:g} to {row['to_day']:g}",
                    expected="an end after the beginning",
                    remedy="correct it",
                )
            )
    return mistakes or _no_effect_to_find(document, where)


def _no_effect_to_find(document: Mapping[str, Any], where: str) -> list[str]:
    """An effect in percent that is said of a visit at which no dose has done anything."""
    return [
        problem(
            f"{where}, {section}, {name}, effect_percent",
            found="no visit after the first dose",
            expected="one at which the effect could be seen",
            remedy="correct visits or dosing, or give effect_logit",
        )
        for section in ("subsets", "background")
        for name, row in document[section].items()
        if "effect_percent" in row and _strongest(document, row["half_life_days"]) <= 0.0
    ]


def _strongest(document: Mapping[str, Any], half_life_days: float) -> float:
    """The largest exposure at any visit."""
    dosing = dosing_days(document["dosing"])
    return max(exposure(row["day"], half_life_days=half_life_days, dosing=dosing) for row in document["visits"])


def _assumptions(trial: str, document: Mapping[str, Any], sources: Mapping[str, Any]) -> Assumptions:
    base = trial_data(trial, DEFAULT_PROFILE)
    rows = {SHARE[subset]: row for subset, row in document["subsets"].items()} | document["background"]
    trajectories = {
        name: {
            "mu": logit_of(rows[name]["baseline_percent"]),
            "effect": _effect(rows[name], document),
            **{key: rows[name][key] for key in ("subject_sd", "visit_sd", "half_life_days")},
        }
        for name in base["trajectories"]
    }
    tubes, shares = document["tubes"], base["composition"]
    room = 1.0 - tubes["lymphocytes_percent"] / 100.0 - shares["aggregates"]
    factor = max(room, 0.0) / sum(shares[name] for name in NOT_LYMPHOCYTES)
    data = {
        **base,
        "trial": {**base["trial"], "baseline": document["baseline"]},
        "dosing": document["dosing"],
        "response": {"log_sd": document["response_log_sd"], "correlation": document["response_correlation"]},
        "nk_bright_correlation": document["nk_bright_correlation"],
        "trajectories": trajectories,
        "composition": {**shares, **{name: factor * shares[name] for name in NOT_LYMPHOCYTES}},
        "matrix_sd": tubes["preparation_sd"],
        "doublets": tubes["doublets"],
        "triplets": tubes["triplets"],
    }
    visits = tuple((row["id"], float(row["day"])) for row in document["visits"])
    return Assumptions({"trial": trial, **document}, {"trial": "asked for", **sources}, data, visits)


def _effect(row: Mapping[str, float], document: Mapping[str, Any]) -> float:
    """The treatment's effect at full exposure, logit."""
    if "effect_logit" in row:
        return row["effect_logit"]
    rise = logit_of(row["effect_percent"]) - logit_of(row["baseline_percent"])
    return rise / _strongest(document, row["half_life_days"])
