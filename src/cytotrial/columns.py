"""The words of every table: name, key and columns. Nothing else in the package spells a column.

Those of the statistics' tables are in `cytotrial.statistics_columns`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Values of the column `condition` that name a staining control: gated, never reported and never a donor of gates.
CONTROL_CONDITION = re.compile(r"^(FMO|single-?stain|unstained)", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A table's name (its file is ``<name>.tsv``), the columns that make a row unique, and all columns in order."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


STATUS = Table(
    "status",
    ("sample_id",),
    (
        "sample_id",
        "panel",
        "subject_id",
        "visit",
        "status",
        "reasons",
        "n_events",
        "n_events_kept",
        "fcs",
        "fcs_sha256",
        "fcs_version",
        "instrument",
        "acquired",
        "spillover",
        "not_done",
    ),
)
INTAKE = Table(
    "intake",
    ("sample_id",),
    (
        "sample_id",
        "fcs",
        "readable",
        "reasons",
        "n_events",
        "fcs_sha256",
        "fcs_version",
        "instrument",
        "acquired",
        "spillover",
        "axes",  # the file's channels by marker and their scales, JSON: so that no later step works them out again
    ),
)
LANDMARKS = Table(
    "landmarks",
    ("sample_id", "population", "marker", "bound"),
    (
        "sample_id",
        "panel",
        "subject_id",
        "batch",
        "condition",
        "is_control",
        "population",
        "marker",
        "bound",
        "outcome",
        "threshold_linear",
        "coordinates",
        "reason",
        "method",
        "n_parent",
        "channel",
        "top",
        "scale",
        "w",
        "m",
        "a",
        "site",
        "measures",
        "doubt",
        "spread",  # SD of the place, by the file's aliquots: on the gate's scale; of a shape a share of its extent
        "measures_spread",  # of each measure's natural logarithm, JSON
    ),
)
NOT_PLACED = Table("not_placed", ("sample_id", "population"), ("sample_id", "population", "outcome", "reason"))
QUALITY_STEPS = Table(
    "quality_steps",
    ("sample_id", "step"),
    ("sample_id", "step", "kind", "order", "done", "n_in", "n_out", "percent_kept", "reason"),
)
POPULATIONS = Table(
    "populations",
    ("sample_id", "population"),
    ("sample_id", "population", "parent", "n_events", "n_parent", "reason"),
)
AGREED_GATES = Table(
    "agreed_gates",
    ("sample_id", "population", "marker", "bound"),
    (
        "sample_id",
        "population",
        "marker",
        "bound",
        "threshold",
        "threshold_linear",
        "coordinates",
        "source",
        "pool",
        "uncertainty",
        "reason",
        "panel",
        "channel",
        "scale",
        "method",
        "n_parent",
        "doubt",
    ),
)
GATES = Table(
    "gates",
    AGREED_GATES.key,
    (
        *AGREED_GATES.columns,
        # Where a gate was moved by hand: what stood there before, by whom and when it was moved. Else NA.
        "automatic_threshold",
        "automatic_threshold_linear",
        "automatic_coordinates",
        "automatic_source",
        "automatic_reason",
        "reviewer",
        "reviewed",
    ),
)
# Events of the population `counted` where a limit of `population` is, and with that limit moved by so many of its own
# uncertainties (SD): plus is up, or a shape grown. A limit without a known uncertainty has no rows.
MOVES = {-3: "minus_3", -2: "minus_2", -1: "minus_1", 0: "n_events", 1: "plus_1", 2: "plus_2", 3: "plus_3"}
MOVED_COUNTS = Table(
    "moved_counts",
    ("sample_id", "population", "marker", "bound", "counted"),
    (
        "sample_id",
        "panel",
        "population",
        "marker",
        "bound",
        "counted",
        MOVES[0],
        *(name for move, name in MOVES.items() if move),
    ),
)
OVERRIDE_COLUMNS = (  # of the overrides sheet: no table of ours, but the history repeats them
    "sample_id",
    "pool",
    "panel",
    "population",
    "marker",
    "bound",
    "threshold",
    "threshold_linear",
    "coordinates",
    "reviewer",
    "date",
    "reason",
)
OVERRIDE_HISTORY = Table("override_history", ("entry",), ("entry", *OVERRIDE_COLUMNS, "state", "in_sheet"))
GATING_CHECK = Table(
    "gating_check",
    ("sample_id", "population"),
    ("sample_id", "population", "n_events", "n_events_flowkit"),
)
SUBSETS = Table(
    "subsets",
    ("sample_id", "subset", "denominator"),
    (
        "sample_id",
        "subset",
        "denominator",
        "subject_id",
        "visit",
        "week",
        "panel",
        "condition",
        "is_primary",
        "numerator_n",
        "denominator_n",
        "percent",
        "ci_low",
        "ci_high",
        "qc_flag",
        "qc_reason",
    ),
)
TRUTH = Table(
    "truth",
    ("sample_id", "subset", "denominator"),
    ("sample_id", "subset", "denominator", "numerator_n", "denominator_n", "percent", "expected_percent"),
)
