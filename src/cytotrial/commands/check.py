"""``cytotrial check``: every mistake in configuration, sheets, panels and strategies; opens no FCS file."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from cytotrial.cytometry.panel import SCATTER, TIME, Panel, load_panel
from cytotrial.documents import file_problem
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.gating.drawn.named_gates import named_gate_problems
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.pools import shows_negatives
from cytotrial.gating.rule_bounds import bound_problems
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.check import Checked, check_study
from cytotrial.study.config import PanelFiles

LOG = logging.getLogger(__name__)

# A strategy may name these and a panel may lack them: their step is then NOT DONE, which is no mistake.
DISPENSABLE = frozenset({*SCATTER.values(), TIME, "viability", "dump"})
File = TypeVar("File")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--config", type=Path, default=Path("config/config.yaml"), help="the trial's config.yaml")
    parser.add_argument("--root", type=Path, default=Path(), help="where relative paths begin (the working directory)")


def run(arguments: argparse.Namespace) -> None:
    """Log every warning and the counts; raise with every problem.

    Raises
    ------
    CytotrialError
        With everything that must be mended before the trial can run.
    """
    checked = check_everything(arguments.config, arguments.root)
    for warning in checked.warnings:
        LOG.warning(warning)
    if checked.problems:
        raise CytotrialError(checked.problems)
    LOG.info(
        "%s: %d subjects, %d samples, %d panels, %d visits, nothing to mend",
        arguments.config,
        len(checked.subjects),
        len(checked.samples),
        len(checked.panels),
        len(checked.study.visits) if checked.study else 0,
    )


def check_everything(config_path: Path, root: Path) -> Checked:
    """`check_study`, with the panels and strategies it names; never raises for the user's errors.

    Parameters
    ----------
    root : Path
        The working directory: where relative paths begin.
    """
    checked = check_study(config_path, root)
    problems = list(checked.problems)
    panels = _load({files: (root / files.markers,) for files in checked.panels}, load_panel, problems)
    strategies = _load({files: _strategy_paths(files, root) for files in checked.panels}, load_strategy, problems)
    for files, panel in panels.items():
        problems += _matrix_problem(root / files.markers, panel, root)
        if files in strategies:
            problems += _unmapped_markers(root / files.markers, files, panel, strategies[files])
    for files, strategy in strategies.items():
        problems += named_gate_problems(strategy, where=str(root / files.gating), root=root)
        problems += _unknown_renamed(files, strategy, checked, root)
    by_id = {files.id: (files, strategy) for files, strategy in strategies.items()}
    problems += _impossible_overrides(checked, by_id, root)
    problems += _unknown_populations(checked, by_id, str(config_path))
    problems += _foreign_denominators(checked, by_id, str(config_path))
    if checked.panels and len(strategies) == len(checked.panels):
        problems += _unknown_denominators(checked, list(strategies.values()), str(config_path))
    unused = [
        doubt
        for files, panel in panels.items()
        if files in strategies
        for doubt in _unused_controls(checked, files, panel, strategies[files])
    ]
    return replace(checked, problems=tuple(dict.fromkeys(problems)), warnings=(*checked.warnings, *unused))


def _unused_controls(checked: Checked, files: PanelFiles, panel: Panel, strategy: Strategy) -> Iterator[str]:
    """FMO tubes of which no gate takes anything: acquired in vain, or named in a way that is not understood."""
    wanted = {rule.markers[0] for rule in strategy.rules if rule.control is not None}
    channels = {marker: panel.rules[marker].channel for marker in wanted if marker in panel.rules}
    conditions = {one.condition for one in checked.samples if one.panel == files.id and one.condition}
    for condition in sorted(conditions):
        if condition.casefold().startswith("fmo") and not any(
            shows_negatives(condition, marker, channel) for marker, channel in channels.items()
        ):
            names = ", ".join(f"FMO-{marker}" for marker in sorted(wanted)) or "no control: no gate uses one"
            remedy = "nothing is taken from these tubes; rename the condition or give the gate a control"
            yield problem(
                f"samples sheet, panel {files.id}, condition", found=repr(condition), expected=names, remedy=remedy
            )


def _strategy_paths(files: PanelFiles, root: Path) -> tuple[Path, ...]:
    return (root / files.gating, *([root / files.gate_map] if files.gate_map else []))


def _load(
    paths: Mapping[PanelFiles, tuple[Path, ...]], load: Callable[..., File], problems: list[str]
) -> dict[PanelFiles, File]:
    loaded: dict[PanelFiles, File] = {}
    for files, own in paths.items():
        try:
            loaded[files] = load(*own)
        except CytotrialError as error:
            problems += error.problems
    return loaded


def _matrix_problem(path: Path, panel: Panel, root: Path) -> list[str]:
    if panel.compensation in ("fcs", "none"):
        return []
    found = file_problem(panel.compensation, root=root, where=f"{path}, compensation")
    return [found] if found else []


def _unmapped_markers(path: Path, files: PanelFiles, panel: Panel, strategy: Strategy) -> Iterator[str]:
    for marker in sorted(strategy.markers - panel.rules.keys() - DISPENSABLE):
        yield problem(
            f"{path}, markers",
            found=f"no {marker}{did_you_mean(marker, panel.markers).replace('did you mean', 'is it')}",
            expected=f"every marker that {files.gating} gates on",
            remedy=f"map {marker} to its channel, or use a strategy without it",
        )


def _unknown_renamed(files: PanelFiles, strategy: Strategy, checked: Checked, root: Path) -> Iterator[str]:
    """Files that a gate map gives another name, and the samples sheet does not have."""
    known = [sample.sample_id for sample in checked.samples]
    for name in strategy.samples if isinstance(strategy, DrawnStrategy) and known else ():
        if name not in known:
            yield problem(
                f"{root / str(files.gate_map)}, samples, {name}",
                found=f"the sample {name!r}{did_you_mean(name, known)}",
                expected="a sample_id of the samples sheet",
                remedy="correct or remove it",
            )


def _impossible_overrides(
    checked: Checked, strategies: Mapping[str, tuple[PanelFiles, Strategy]], root: Path
) -> Iterator[str]:
    """Overrides of gates that their panel's strategy does not have."""
    if checked.overrides and checked.sheets and checked.sheets.overrides:
        gating = {panel: (files.gating, strategy) for panel, (files, strategy) in strategies.items()}
        panels = {sample.sample_id: sample.panel for sample in checked.samples}
        yield from bound_problems(checked.overrides, gating, panels, str(root / checked.sheets.overrides))


def _unknown_populations(
    checked: Checked, strategies: Mapping[str, tuple[PanelFiles, Strategy]], config: str
) -> Iterator[str]:
    for readout in checked.readouts:
        if readout.panel not in strategies:
            continue
        files, strategy = strategies[readout.panel]
        wanted = [("population", readout.population)]
        wanted += [("denominators", name) for name in readout.denominators]
        for key, name in wanted:
            if name not in strategy.population_ids:
                yield problem(
                    f"{config}, readouts, {readout.id}, {key}",
                    found=f"{name!r}{did_you_mean(name, strategy.population_ids)}",
                    expected=f"a population of {files.gating}: {', '.join(strategy.population_ids)}",
                    remedy="correct it, or add the population to the strategy",
                )


def _foreign_denominators(
    checked: Checked, strategies: Mapping[str, tuple[PanelFiles, Strategy]], config: str
) -> Iterator[str]:
    """A percentage is of a population that holds the subset; anything else is a ratio and has no such interval."""
    for readout in checked.readouts:
        files, strategy = strategies.get(readout.panel, (None, None))
        if strategy is None or readout.population not in strategy.population_ids:
            continue
        above = strategy.ancestors(readout.population)
        for name in readout.denominators:
            if name in strategy.population_ids and name not in above:
                yield problem(
                    f"{config}, readouts, {readout.id}, denominators",
                    found=f"{name!r}, which does not hold {readout.population}",
                    expected=f"a population above it in {files.gating}: {', '.join(above)}",
                    remedy="name one of these",
                )


def _unknown_denominators(checked: Checked, strategies: list[Strategy], config: str) -> Iterator[str]:
    known = list(dict.fromkeys(name for strategy in strategies for name in strategy.population_ids))
    for name in checked.quality.get("min_denominator", {}):
        if name not in known:
            yield problem(
                f"{config}, quality, min_denominator, {name}",
                found=f"{name!r}{did_you_mean(name, known)}",
                expected=f"a population of some strategy: {', '.join(known)}",
                remedy="correct or remove it",
            )
