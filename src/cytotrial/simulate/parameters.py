"""The parameters shipped with the package, read from its data files into frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from cytotrial.simulate.blood.cells import Kinds
from cytotrial.simulate.blood.composition import Composition
from cytotrial.simulate.blood.populations import Continuum, LogNormal, Population, Position, Remains
from cytotrial.simulate.form import FileForm
from cytotrial.simulate.instrument.laboratory import Habit, Laboratory
from cytotrial.simulate.instrument.optics import Detector
from cytotrial.simulate.instrument.run import Incidents
from cytotrial.simulate.tube import ScatterOptics, TubeParameters

PANELS = ("treg", "nk")
TRIALS = ("demo", "he2020", "lupil2", "nct02932137")
PROFILES = ("clean", "clinic", "hard", "null", "denominator_stress", "other_lab")
DEFAULT_PROFILE = "clinic"
PROFILE_KEYS = {"cytometer", "files", "laboratory", "trial"}
OPEN = {"effect", "preparation_effects", "kinds", "levels_under_treatment"}  # what a profile may add to a trial


@cache
def _packaged(name: str) -> Any:
    return yaml.safe_load((files("cytotrial.simulate") / "data" / name).read_text(encoding="utf-8"))


@cache
def _whole(folder: str, name: str) -> dict[str, Any]:
    """A trial's or a profile's file, laid over that of the one it is ``like``."""
    own = dict(_packaged(f"{folder}/{name}.yaml"))
    like = own.pop("like", None)
    return _overlaid(_whole(folder, like), own) if like else own


def _profile(name: str) -> dict[str, Any]:
    profile = _whole("profiles", name)
    if not set(profile) <= PROFILE_KEYS:
        raise ValueError(f"profiles/{name}.yaml: found {sorted(profile)}, expected some of {sorted(PROFILE_KEYS)}")
    return profile


@cache
def trial_data(trial: str, profile: str = DEFAULT_PROFILE) -> dict[str, Any]:
    """The named trial's parameters, with what the profile changes in them (its ``trial`` section)."""
    base = _whole("trials", trial)
    return _overlaid(base, _profile(profile).get("trial", {}), where=f"profiles/{profile}.yaml, trial.", strict=True)


@cache
def laboratory(profile: str) -> Laboratory:
    """The profile's laboratory."""
    section = dict(_profile(profile).get("laboratory", {}))
    incidents = Incidents(**section.pop("incidents", {}))
    habits = tuple(_habit(dict(row)) for row in section.pop("habits", []))
    gains = section.pop("day_gain_range", None)
    return Laboratory(
        **section, incidents=incidents, habits=habits, day_gain_range=(gains[0], gains[1]) if gains else None
    )


def base_form(profile: str) -> FileForm:
    """How the profile's laboratory writes its files, habits of single days aside."""
    return FileForm(**_profile(profile).get("files", {}))


def cytometer_of(profile: str) -> str:
    """The profile's instrument."""
    return _profile(profile).get("cytometer", "facsaria2")


def tube_name(panel: str, *, profile: str = DEFAULT_PROFILE) -> str:
    """What the tube of `panel` is called on the instrument."""
    return _packaged(f"cytometers/{cytometer_of(profile)}.yaml")["tube_names"][panel]


@cache
def whole_cytometer(profile: str) -> tuple[tuple[Detector, ...], np.ndarray]:
    """Every fluorescence detector of the profile's cytometer and the spillover among them, whatever a tube uses."""
    cytometer = _packaged(f"cytometers/{cytometer_of(profile)}.yaml")
    detectors = tuple(Detector(name=name, markers=(), **row) for name, row in cytometer["detectors"].items())
    return detectors, _spillover(cytometer["spillover"], tuple(d.name for d in detectors))


def tube_parameters(panel: str, *, trial: str = "he2020", profile: str = "clean") -> TubeParameters:
    """The tube of `panel` at an average subject's baseline, at gain 1, with the laboratory's incidents.

    Parameters
    ----------
    panel : str
        ``treg`` or ``nk``.
    trial, profile : str
        Of `TRIALS` and `PROFILES`. Of a profile the tube has the instrument, the incidents, the files' form and the
        mean composition; what wanders or differs between subjects and days comes with `trial.plan.recipe_of`.

    Raises
    ------
    ValueError
        No such panel, trial or profile.
    """
    for what, found, known in (("panel", panel, PANELS), ("trial", trial, TRIALS), ("profile", profile, PROFILES)):
        if found not in known:
            raise ValueError(f"{what}: found {found!r}, expected one of {', '.join(known)}")
    cytometer, study = _packaged(f"cytometers/{cytometer_of(profile)}.yaml"), trial_data(trial, profile)
    tube = cytometer["tubes"][study["tubes"]][panel]
    detectors = tuple(
        Detector(name=name, markers=tuple(markers), **cytometer["detectors"][name])
        for name, markers in tube["markers"].items()
    )
    scatter = cytometer["scatter"]
    return TubeParameters(
        panel=panel,
        n_events=study["events"][panel],
        composition=Composition(**study["composition"]),
        kinds=_kinds(cytometer["levels"]),
        scatter=tuple(tube["scatter"]),
        scatter_optics=ScatterOptics(
            gain=scatter["gain"],
            voltage=scatter["voltage"],
            area_to_height=(scatter["area_to_height"][0], scatter["area_to_height"][1]),
            multiplet_height=(scatter["multiplet_height"][0], scatter["multiplet_height"][1]),
        ),
        detectors=detectors,
        spillover=_spillover(cytometer["spillover"], tuple(d.name for d in detectors)),
        timestep=cytometer["timestep"],
        cytometer=cytometer["cyt"],
        pulse_heights=cytometer.get("pulse_heights", False),
        events_per_second=study["events_per_second"],
        doublets=study["doublets"],
        triplets=study["triplets"],
        incidents=laboratory(profile).incidents,
        form=base_form(profile),
    )


def _overlaid(
    base: Mapping[str, Any], changes: Mapping[str, Any], *, where: str = "", strict: bool = False
) -> dict[str, Any]:
    """`base` with the leaves of `changes` in their places; if `strict`, none that `base` has not (but in `OPEN`).

    Lists and empty mappings are leaves.
    """
    result = dict(base)
    for key, value in changes.items():
        if strict and key not in base and key not in OPEN:
            raise ValueError(f"{where}{key}: found no such parameter, expected one of {', '.join(map(str, base))}")
        if isinstance(value, Mapping) and value:
            inside = strict and key not in OPEN
            result[key] = _overlaid(result.get(key, {}), value, where=f"{where}{key}.", strict=inside)
        else:
            result[key] = value
    return result


def _habit(row: dict[str, Any]) -> Habit:
    form = row.pop("form", None)
    return Habit(lacks=tuple(row.pop("lacks", ())), form=FileForm(**form) if form else None, **row)


def _spillover(rows: Mapping[str, Mapping[str, float]], names: tuple[str, ...]) -> np.ndarray:
    return np.array([[1.0 if row == column else rows[row].get(column, 0.0) for column in names] for row in names])


@cache
def _all_kinds() -> Kinds:
    data = _packaged("populations.yaml")
    return Kinds(
        populations=tuple(_population(name, dict(row)) for name, row in data["populations"].items()),
        continua={name: Continuum(**row) for name, row in data["continua"].items()},
        unspecific=LogNormal(*data["unspecific"]),
    )


def _kinds(levels: Mapping[str, float]) -> Kinds:
    """All kinds of cell, their medians in the units of an instrument on which markers are `levels` times as bright."""
    kinds = _all_kinds()
    log10 = {marker: float(np.log10(factor)) for marker, factor in levels.items()}
    return replace(kinds, populations=tuple(one.shifted(log10) for one in kinds.populations))


def _population(name: str, row: dict[str, Any]) -> Population:
    glow, at, dyes = row.pop("autofluorescence", 1.0), row.pop("position", None), row.pop("dyes", None)
    fsc, ssc = LogNormal(*row.pop("FSC")), LogNormal(*row.pop("SSC"))
    return Population(
        name=name,
        fsc=fsc,
        ssc=ssc,
        markers={marker: LogNormal(*pair) for marker, pair in row.items()},
        autofluorescence=glow,
        position=Position(**at) if at else None,
        remains=Remains(fsc.median, ssc.median, LogNormal(*dyes)) if dyes else None,
    )
