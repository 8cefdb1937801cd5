"""A plan in words: what it assumes, as a file to edit and as a text to read, and how many patients it asks for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from textwrap import wrap
from typing import Any

from cytotrial.planning.assumptions import PRIMARY, SHARE, Assumptions, measured_gating_error, percent_of
from cytotrial.planning.power import Grid
from cytotrial.planning.trial_tests import TESTS
from cytotrial.simulate.trial.sheets import READOUTS

LABELS = {readout["id"]: readout["label"] for readout in READOUTS}
WANTED = (0.80, 0.90)
WIDTH = 118  # of the text on the console
SHORT = {"paired_t": "paired t", "mann_whitney": "Mann-Whitney", "ancova": "ANCOVA"}
WORDS = {
    "alpha": "level of every test, two-sided",
    "missing": "probability of no sample at a visit after baseline",
    "not_reported": "tubes with fewer cells of a subset give no value",
    "response_log_sd": "spread of the subjects' responses (SD of their logarithm)",
    "response_correlation": "correlation of the responses of Treg and NK",
    "nk_bright_correlation": "correlation of the subjects' levels of NK and CD56bright",
}
TUBE_WORDS = {
    "lymphocytes_percent": "lymphocytes per 100 events before doublets",
    "preparation_sd": "SD of the logarithm of all other events, between tubes",
    "doublets": "doublets per single event",
    "triplets": "triplets per single event",
}
SPREAD_HEAD = ["subset", "SD of subjects", "of visits", "of gating: subject", "sample", "bias"]
BACKGROUND_WORDS = {
    "double_negative_of_not_cd4": "neither CD4 nor CD8, of the T cells that are not CD4,",
    "b_of_lymphocytes": "B cells, of the lymphocytes,",
}
FIRST_LINES = (
    "What `cytotrial plan` assumed; every key is explained in docs/planning.md.",
    "To plan with your own numbers, change them here, or write only the ones that differ, and run",
    "`cytotrial plan --assumptions THIS_FILE`. SDs are on the logit scale. After # stands where a value comes from.",
)


def assumptions_yaml(assumptions: Assumptions) -> str:
    """All assumptions as YAML that `assumptions.own_assumptions` reads, each line with its source."""
    lines = [f"# {line}" for line in FIRST_LINES]
    lines += _wrapped(f"Measured gating error: {measured_gating_error()['measured_by']}.", "# ")
    return "\n".join([*lines, *_yaml_lines(assumptions.document, assumptions.sources, indent=""), ""])


def _yaml_lines(document: Mapping[str, Any], sources: Mapping[str, Any], *, indent: str) -> Iterator[str]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _yaml_lines(value, sources[key], indent=f"{indent}  ")
        else:
            # JSON is YAML; its keys keep their quotes, which hurts no reader.
            yield f"{indent}{key}: {json.dumps(value, ensure_ascii=False)} # {sources[key]}"


def plan_text(assumptions: Assumptions, grid: Grid, rows: Sequence[Mapping[str, Any]]) -> str:
    """The assumptions and the answer, for the console."""
    return "\n".join([*_assumed(assumptions, grid), "", *_answer(assumptions, grid, rows)])


def _assumed(assumptions: Assumptions, grid: Grid) -> Iterator[str]:
    document, sources = assumptions.document, assumptions.sources
    yield f"Plan by {_thousands(grid.trials)} simulated (SYNTHETIC) trials, seed {grid.seed}"
    yield ""
    yield "ASSUMED (assumptions.yaml has every number and where it comes from)"
    for key, words in WORDS.items():
        yield f"  {document[key]:<7g} {words} [{sources[key]}]"
    for key, words in TUBE_WORDS.items():
        yield f"  {document['tubes'][key]:<7g} {words} [{sources['tubes'][key]}]"
    doses = ", ".join(f"{row['from_day']:g}-{row['to_day']:g}" for row in document["dosing"])
    yield f"  Dosing on days {doses or 'none'} [{sources['dosing']}]"
    yield ""
    yield from _in_columns([_course_head(grid), *(_course(assumptions, grid, subset) for subset in PRIMARY)])
    yield "  Percentages of a typical subject (logit 0 from the middle of all, average response); effect: added to the"
    yield "  logit at full exposure; half-life: of the approach to it and of its decay."
    yield ""
    yield from _in_columns([SPREAD_HEAD, *(_spread(assumptions, subset) for subset in PRIMARY)])
    yield "  SDs on the logit scale. The gating error has a part that stays with a subject, a part of each sample, and"
    yield "  a bias, relative, of effects."
    yield from _wrapped(f"Beside them: {'; '.join(_background(assumptions))}.", "  ")
    own = sorted({source for subset in PRIMARY for source in sources["subsets"][subset].values()})
    yield f"  Sources: {', '.join(own)}."
    if "measured" in own:
        yield from _wrapped(f"Measured: {measured_gating_error()['measured_by']}.", "  ")


def _course_head(grid: Grid) -> list[str]:
    treated = [f"treated {visit} %" for visit in grid.visits[:3]]
    return ["subset", "of", "baseline %", *treated, "effect", "half-life, days"]


def _course(assumptions: Assumptions, grid: Grid, subset: str) -> list[str]:
    percents = [typical_percent(assumptions, subset, visit) for visit in (None, *grid.visits[:3])]
    row = assumptions.data["trajectories"].get(SHARE[subset])
    moved = [f"{row['effect']:.3g}", f"{row['half_life_days']:g}"] if row else ["by CD4", "by CD4"]
    return [LABELS[subset], PRIMARY[subset], *(f"{percent:.2f}" for percent in percents), *moved]


def _spread(assumptions: Assumptions, subset: str) -> list[str]:
    row = assumptions.document["subsets"][subset]
    error = [f"{row['gating_subject_sd']:g}", f"{row['gating_sd']:g}", f"{100 * row['gating_effect_bias']:+.1f} %"]
    spread = [f"{row['subject_sd']:g}", f"{row['visit_sd']:g}"] if "subject_sd" in row else ["by CD4", "by CD4"]
    return [LABELS[subset], *spread, *error]


def _background(assumptions: Assumptions) -> Iterator[str]:
    for name, words in BACKGROUND_WORDS.items():
        row = assumptions.data["trajectories"][name]
        moved = f", effect {row['effect']:.3g}" if row["effect"] else ""
        spread = f"SD {row['subject_sd']:g} and {row['visit_sd']:g}{moved}"
        source = assumptions.sources["background"][name]["baseline_percent"]
        yield f"{words} {percent_of(row['mu']):.4g} %, {spread} [{source}]"


def typical_percent(assumptions: Assumptions, subset: str, visit: str | None) -> float:
    """The percentage of a subject in the middle of all, of average response; untreated where no visit is given."""

    def share(name: str) -> float:
        row = assumptions.data["trajectories"][name]
        held = assumptions.exposure_at(visit, half_life_days=row["half_life_days"]) if visit else 0.0
        return percent_of(row["mu"] + row["effect"] * held)

    if SHARE[subset] in assumptions.data["trajectories"]:
        return share(SHARE[subset])
    return (100.0 - share("cd4_of_cd3")) * (1.0 - share("double_negative_of_not_cd4") / 100.0)


def usual_events(assumptions: Assumptions, grid: Grid) -> int:
    """The asked number of events nearest (in ratio) to the trial's own."""
    own = max(assumptions.data["events"].values())
    return min(grid.events, key=lambda events: abs(math.log(events / own)))


def fewest_patients(
    rows: Sequence[Mapping[str, Any]], *, subset: str, visit: str, test: str, events: int, power: float
) -> int | None:
    """The smallest asked number of patients per arm from which on the power is reached; None where none is."""
    found = {
        row["patients_per_arm"]: row["power"] >= power
        for row in rows
        if (row["subset"], row["visit"], row["test"], row["events"]) == (subset, visit, test, events)
    }
    enough = None
    for patients in sorted(found, reverse=True):
        if not found[patients]:
            break
        enough = patients
    return enough


def _answer(assumptions: Assumptions, grid: Grid, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    levels = sorted({usual_events(assumptions, grid), max(grid.events)})
    own = max(assumptions.data["events"].values())
    yield f"PATIENTS PER ARM for a power of {' and of '.join(f'{100 * power:.0f} %' for power in WANTED)}"
    yield f"  Of {', '.join(map(str, grid.patients))}; the trial's own tubes hold {_thousands(own)} events."
    yield from _wrapped(f"Tests: {', '.join(TESTS.values())}; of the change from baseline, without adjustment.", "  ")
    for visit, events in product(grid.visits, levels):
        cells = [
            [LABELS[subset], *(_cell(rows, grid, subset, visit, test, events) for test in TESTS)] for subset in PRIMARY
        ]
        yield ""
        yield from _in_columns([[f"{visit}, {_thousands(events)} events per tube", *SHORT.values()], *cells])
    yield ""
    yield "  FP: no effect assumed, so the share of trials with p below alpha is the false positive rate; here of the"
    yield f"  largest trials. Monte Carlo error of every share: at most {50 / math.sqrt(grid.trials):.1f} points."


def _cell(rows: Sequence[Mapping[str, Any]], grid: Grid, subset: str, visit: str, test: str, events: int) -> str:
    largest = max(grid.patients)
    where = (subset, visit, test, events, largest)
    keys = ("subset", "visit", "test", "events", "patients_per_arm")
    last = next(row for row in rows if tuple(row[key] for key in keys) == where)
    if last["note"].startswith("no effect assumed"):
        return f"FP {100 * last['power']:.1f} %"
    fewest = [
        fewest_patients(rows, subset=subset, visit=visit, test=test, events=events, power=power) for power in WANTED
    ]
    if not any(fewest):
        return f"not within {largest}"
    return " / ".join(f"> {largest}" if patients is None else str(patients) for patients in fewest)


def _wrapped(text: str, indent: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _in_columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of equally many cells, the first column left, the others right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        first, *others = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {'  '.join([first, *others])}".rstrip()
