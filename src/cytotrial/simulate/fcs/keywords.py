"""The FCS keywords of a simulated tube, in FACSDiva's words; no staff names, no arm."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from cytotrial.simulate.fcs.writer import spill_keyword_value
from cytotrial.simulate.tube import Tube, TubeParameters

# Raised whenever the same seed gives other bytes; not the package version, so that a release leaves the
# bundled demonstration as it is.
MODEL = "simulation model 2"
GUIDS = uuid.UUID("5f0c9f5e-5a53-5f0a-9c39-6d1c7e1f2020")  # the namespace our deterministic GUIDs are made in


@dataclass(frozen=True)
class Specimen:
    """What the operator would have typed in, and when the tube was run."""

    file: str
    source: str
    tube: str
    experiment: str
    begin: datetime
    made_by: str


def fcs_keywords(tube: Tube, parameters: TubeParameters, *, specimen: Specimen) -> dict[str, str]:
    """Keyword -> value for ``write_fcs``, in a fixed order."""
    end = specimen.begin + timedelta(seconds=tube.seconds)
    return {
        "$FIL": specimen.file,
        "$SYS": "SYNTHETIC",
        "$COM": f"SYNTHETIC DATA made by cytotrial simulate, {MODEL}; {specimen.made_by}; no human donor",
        "CREATOR": f"cytotrial simulate, {MODEL} (in the form of BD FACSDiva Software Version 6.1.3)",
        "TUBE NAME": specimen.tube,
        "$SRC": specimen.source,
        "EXPERIMENT NAME": specimen.experiment,
        "GUID": str(uuid.uuid5(GUIDS, f"{specimen.made_by}/{specimen.file}")),
        "$DATE": specimen.begin.strftime("%d-%b-%Y").upper(),
        "$BTIM": specimen.begin.strftime("%H:%M:%S"),
        "$ETIM": end.strftime("%H:%M:%S"),
        "$CYT": parameters.cytometer,
        "$CYTNUM": "1",
        "$TIMESTEP": str(parameters.timestep),
        "THRESHOLD": "FSC,5000",
        "APPLY COMPENSATION": "TRUE",
        parameters.form.spill_keyword: spill_keyword_value(tube.spillover, tube.detectors),
        **_channel_keywords(tube, parameters),
    }


def _channel_keywords(tube: Tube, parameters: TubeParameters) -> dict[str, str]:
    volts = _volts(parameters)
    keywords: dict[str, str] = {}
    for number, name in enumerate(tube.channels, start=1):
        is_time = name == "Time"
        own = f"$P{number}"
        keywords |= {f"{own}N": name, f"{own}B": "32", f"{own}E": "0,0", f"{own}R": _range(is_time, tube, parameters)}
        keywords[f"{own}G"] = str(parameters.timestep) if is_time else "1.0"
        if name in tube.markers:
            keywords[f"{own}S"] = tube.markers[name]
        if not is_time:
            keywords[f"{own}V"] = str(volts[name[:-2]])
            keywords[f"P{number}DISPLAY"] = "LOG" if name in tube.markers else "LIN"
    return keywords


def _volts(parameters: TubeParameters) -> dict[str, int]:
    """Channel name without its pulse letter -> volts, the day's step of it included."""
    steps = parameters.voltage_step
    fluorescence = {
        d.name.removesuffix("-A"): round(d.voltage * (1.0 + steps.get(d.name, 0.0))) for d in parameters.detectors
    }
    return {**parameters.scatter_optics.voltage, **fluorescence}


def _range(is_time: bool, tube: Tube, parameters: TubeParameters) -> str:
    """``$PnR``: 18 bits; more where a long run's ticks would not fit into an integer's range."""
    ticks = tube.seconds / parameters.timestep
    return "4294967296" if is_time and parameters.form.data_type == "I" and ticks >= 262143 else "262144"
