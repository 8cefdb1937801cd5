"""One file's tube with the gates that people drew for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError
from cytotrial.cytometry.panel import MarkerRule, Panel, resolve_channels
from cytotrial.cytometry.tube import Tube, tube_of
from cytotrial.errors import CytotrialError
from cytotrial.gating.drawn import model
from cytotrial.gating.drawn.contents import EVERY_SAMPLE, FLOWJO
from cytotrial.gating.drawn.names import file_names
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.drawn.usable import usable_gates


@dataclass(frozen=True)
class DrawnTube(Tube):
    """A tube whose gates FlowKit has read from a workspace or GatingML file.

    `events` are compensated with the matrix of the workspace (or GatingML file), never with the panel's: the gates
    were drawn on such values. `axes` has the gates' channels, by the panel's marker names where it maps them.

    Attributes
    ----------
    name : str
        What the workspace calls the file.
    gates : flowkit.GatingStrategy
        The gates that can be applied to this file, as FlowKit reads them.
    absent : mapping
        Rule id -> outcome (``not_done``, ``not_found``) and reason, of gates that cannot.
    marker_of : mapping
        Column of `events` -> its name among `axes`.
    drawable : bool
        Whether `events` are those the gates were drawn on; not where a spectral matrix unmixes them.
    kind : str
        What the gates were drawn in: a workspace or GatingML.
    """

    name: str
    gates: Any = field(repr=False)
    absent: Mapping[str, tuple[str, str]]
    marker_of: Mapping[int, str]
    drawable: bool
    kind: str

    @cached_property
    def results(self) -> Any:
        """FlowKit's results for all gates, made once: counts, doubts and pictures ask.

        Raises
        ------
        ValueError
            FlowKit cannot apply them; the text says why, on one line.
        """
        return model.apply_gates(self.gates, self.file, self.sample_id, self.kind)


def drawn_tube(file: FcsFile, panel: Panel, strategy: DrawnStrategy, *, sample_id: str, shown: str) -> DrawnTube:
    """A file with its drawn gates.

    Parameters
    ----------
    shown : str
        The file's path or name, for messages.

    Raises
    ------
    UnreadableFcsError
        The workspace does not know the file, or FlowKit does not read its gates.
    """
    name = _name_in(strategy, file, sample_id)
    gates, absent = usable_gates(strategy, file, name)
    source, everything = strategy.contents.file.name, model.all_gates(gates)
    if model.OWN_MATRIX in model.compensations(everything):
        file = _with_own_matrix(file, source)
        model.use_own_matrix(gates, everything, file.spillover)
    try:
        matrices = [model.matrix_of(gates, name, file, source) for name in model.compensations(everything)]
    except ValueError as error:
        raise UnreadableFcsError(str(error)) from error
    spillover = matrices[0] if matrices else None
    columns = model.columns(gates, everything, file)
    mapped = Panel(_markers(file, panel, columns), {}, None, "fcs" if spillover else "none")
    compensated = replace(file, spillover=spillover, spillover_problem=None)
    plain = tube_of(compensated, mapped, strategy.scale, sample_id=sample_id, shown=shown)
    axes = {marker: _as_drawn(axis, columns) for marker, axis in plain.axes.items()}
    return DrawnTube(
        sample_id=sample_id,
        file=file,
        axes=axes,
        spillover=spillover,
        events=plain.events,
        name=name,
        gates=gates,
        absent=absent,
        marker_of={axis.index: marker for marker, axis in axes.items()},
        drawable=spillover is not None or not matrices,
        kind=strategy.contents.kind,
    )


def _with_own_matrix(file: FcsFile, source: str) -> FcsFile:
    """The file, flagged where GatingML's word for its own matrix means none because it has none."""
    wish = f"{source} asks for the file's own spillover matrix"
    if file.spillover_problem:
        raise UnreadableFcsError(f"{wish}: {file.spillover_problem}")
    if file.spillover is not None:
        return file
    return replace(file, flags=(*file.flags, f"{wish} and it has none: not compensated, as GatingML 2.0 says"))


def _name_in(strategy: DrawnStrategy, file: FcsFile, sample_id: str) -> str:
    if strategy.contents.kind != FLOWJO:
        return EVERY_SAMPLE
    name, why = strategy.name_of(sample_id, file_names(file.data))
    if name is None:
        raise UnreadableFcsError(why)
    return name


def _markers(file: FcsFile, panel: Panel, columns: Mapping[int, bool]) -> dict[str, MarkerRule]:
    """Every channel that a gate is on or the panel maps: by the panel's name for it, else by its own.

    No gate needs the panel's names, so a marker that this file lacks is no mistake here.
    """
    names: dict[int, str] = {}
    channels = [(channel.name, channel.label) for channel in file.channels]
    for marker, rule in panel.rules.items():
        try:
            resolved = resolve_channels(Panel({marker: rule}, {}, None, "none"), channels, file="")
        except CytotrialError:
            continue
        for index in resolved.channels.values():
            names.setdefault(index, marker)
    for index in columns:
        plain = file.names[index].replace(":", "_")  # the ledger joins the two names of a pair by a colon
        names.setdefault(index, f"{plain} (channel)" if plain in names.values() else plain)
    return {marker: MarkerRule(file.names[index], None, False) for index, marker in names.items()}


def _as_drawn(axis: Axis, columns: Mapping[int, bool]) -> Axis:
    """The axis in linear units where its gates were drawn on such."""
    return replace(axis, method="linear", w=0.0, m=0.0, a=0.0) if columns.get(axis.index) else axis
