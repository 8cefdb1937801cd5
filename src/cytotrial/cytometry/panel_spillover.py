"""Which spillover matrix a panel has undone in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cytotrial.cytometry.compensation import Spillover, checked, read_matrix
from cytotrial.cytometry.panel import Panel
from cytotrial.cytometry.text_segment import UnreadableFcsError
from cytotrial.errors import CytotrialError


class HasSpillover(Protocol):
    """A file as far as its matrix goes."""

    @property
    def names(self) -> tuple[str, ...]:
        """``$PnN`` in the file's order."""
        ...

    @property
    def spillover(self) -> Spillover | None:
        """The file's own matrix."""
        ...

    @property
    def spillover_problem(self) -> str | None:
        """Why what the file gives as its matrix cannot be used."""
        ...


def panel_spillover(file: HasSpillover, panel: Panel) -> Spillover | None:
    """The matrix to undo; None where the panel says ``compensation: none``.

    Raises
    ------
    UnreadableFcsError
        The file has none that can be used, or the panel's is not for its detectors.
    """
    if panel.compensation == "none":
        return None
    if panel.compensation != "fcs":
        try:
            return checked(read_matrix(Path(panel.compensation)), file.names)
        except ValueError as error:
            raise UnreadableFcsError(f"compensation matrix: {error}") from error
        except CytotrialError as error:
            raise UnreadableFcsError("; ".join(error.problems)) from error
    if file.spillover_problem:
        raise UnreadableFcsError(f"spillover: {file.spillover_problem}")
    if file.spillover is None:
        raise UnreadableFcsError(
            "no spillover matrix in the file (SPILL, SPILLOVER or $SPILLOVER); if its data are compensated "
            "already say 'compensation: none' in the panel file, else name a CSV matrix there"
        )
    return file.spillover
