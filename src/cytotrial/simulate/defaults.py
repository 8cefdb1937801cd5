"""The parameters shipped with the package, read from its data files into frozen dataclasses."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cytotrial.simulate.cells import Composition, LogNormal, Population
from cytotrial.simulate.cytometer import Detector, Incidents
from cytotrial.simulate.tube import TubeParameters

TRIALS = ("demo", "he2020")


@cache
def _packaged(name: str) -> Any:
    return yaml.safe_load((files("cytotrial.simulate") / "data" / name).read_text(encoding="utf-8"))


def trial_data(trial: str) -> dict[str, Any]:
    """The named trial's parameters as written in ``data/trials/<trial>.yaml``."""
    return _packaged(f"trials/{trial}.yaml")


def panel_text(panel: str) -> str:
    """The panel file (markers to channels) that fits the simulated tubes."""
    return (files("cytotrial.simulate") / "data" / "panels" / f"{panel}.yaml").read_text(encoding="utf-8")


def tube_name(panel: str) -> str:
    """What the tube of `panel` is called on the instrument: T or N."""
    return _packaged("cytometer.yaml")["tube_names"][panel]


def all_detectors() -> tuple[str, ...]:
    """Every fluorescence detector of the simulated cytometer, in order."""
    return tuple(_packaged("cytometer.yaml")["detectors"])


def tube_parameters(panel: str, *, trial: str = "he2020") -> TubeParameters:
    """The tube of `panel` at an average subject's baseline in `trial`, at gain 1.

    Parameters
    ----------
    panel : str
        ``treg`` or ``nk``.
    trial : str
        ``demo`` or ``he2020``.
    """
    cytometer, study = _packaged("cytometer.yaml"), trial_data(trial)
    tube = cytometer["tubes"][study["tubes"]][panel]
    detectors = tuple(_detector(cytometer, name, markers) for name, markers in tube["markers"].items())
    return TubeParameters(
        panel=panel,
        n_events=study["events"][panel],
        composition=Composition(**study["composition"]),
        populations=_populations(),
        autofluorescence=_autofluorescence(),
        scatter=tuple(tube["scatter"]),
        detectors=detectors,
        spillover=_spillover(cytometer["spillover"], tuple(d.name for d in detectors)),
        scatter_voltage=cytometer["scatter_voltage"],
        photoelectrons_per_unit=cytometer["photoelectrons_per_unit"],
        timestep=cytometer["timestep"],
        singlet_area_to_height=tuple(cytometer["singlet_area_to_height"]),
        doublet_height=cytometer["doublet_height"],
        events_per_second=study["events_per_second"],
        doublets=study["doublets"],
        incidents=Incidents(),
    )


def _detector(cytometer: dict[str, Any], name: str, markers: list[str]) -> Detector:
    own = cytometer["detectors"][name]
    return Detector(name, tuple(markers), "+".join(markers), own["noise"], own["voltage"])


def _spillover(rows: dict[str, dict[str, float]], names: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(1.0 if row == column else rows[row].get(column, 0.0) for column in names) for row in names)


def _populations() -> tuple[Population, ...]:
    table = _packaged("populations.yaml")["populations"]
    return tuple(_population(name, dict(row)) for name, row in table.items())


def _population(name: str, row: dict[str, Any]) -> Population:
    factor = row.pop("autofluorescence_factor", 1.0)
    fsc, ssc = LogNormal(*row.pop("FSC")), LogNormal(*row.pop("SSC"))
    return Population(name, fsc, ssc, {m: LogNormal(*pair) for m, pair in row.items()}, factor)


def _autofluorescence() -> dict[str, LogNormal]:
    data = _packaged("populations.yaml")
    return {m: LogNormal(median, data["autofluorescence_sd"]) for m, median in data["autofluorescence"].items()}
