"""Which bounds a rule's gate has, known without any file: what a person can move. Light: no numpy here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cytotrial.cytometry.panel import SCATTER, TIME
from cytotrial.errors import did_you_mean, problem
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.strategy import Rule, Strategy
from cytotrial.study.overrides import Override

Form = tuple[tuple[str, str], ...]  # (marker, bound) of every row that the gate has in the ledger
LINEAR = frozenset({*SCATTER.values(), TIME})  # whose gates are in linear units
# A scale maps a channel's range to 0 to 1, and little lies far outside: 1500 is a linear value in the wrong column.
LOWEST, HIGHEST = -1.0, 2.0


def gate_forms(rule: Rule) -> tuple[Form, ...]:
    """Every form that the rule's gate can take, each complete; none where the rule has no gate of its own.

    Examples
    --------
    >>> gate_forms(Rule("cd4", "cd3", ("CD4", "CD8"), "quadrant", None, "none", None, "lineage"))
    ((('CD4', 'min'), ('CD8', 'max')),)
    """
    if rule.method in ("opposite", "flowjo", "gatingml"):  # follows another one, or is moved where it was drawn
        return ()
    first, *others = rule.markers
    if rule.method == "below_range":
        return (tuple((marker, "max") for marker in rule.markers),)
    if rule.method in ("quadrant", "reference_population"):
        return (((first, "min"), (others[0], "max")), *_shapes(rule))
    if rule.method == "singlet_band":
        return tuple(((other, "max"),) if "-W" in other else ((f"{first}:{other}", "shape"),) for other in others)
    if rule.method in ("scatter_cluster", "corner"):
        return (((f"{first}:{others[0]}", "shape"),),)
    if rule.method == "steady_signal":
        return (((first, "shape"),),)
    # valley, fixed, relative_threshold
    return (((first, "max" if getattr(rule.args, "keep", "above") == "below" else "min"),),)


def _shapes(rule: Rule) -> tuple[Form, ...]:
    """A population that lies in a corner of two markers can be drawn by hand."""
    return (((":".join(rule.markers), "shape"),),) if rule.method == "reference_population" else ()


def markers_of(form: Form) -> set[str]:
    """The markers that a form's bounds are on, each by itself."""
    return {part for marker, _ in form for part in marker.split(":")}


def bound_problems(
    overrides: Iterable[Override], strategies: Mapping[str, tuple[str, Strategy]], panels: Mapping[str, str], sheet: str
) -> Iterator[str]:
    """Overrides of populations, markers and bounds that the panel's strategy does not have.

    Parameters
    ----------
    strategies : mapping
        Panel -> its strategy's file as written, and the strategy; panels that are not in it are not judged.
    panels : mapping
        Sample id -> panel.
    sheet : str
        The overrides sheet, as messages name it.
    """
    for one in overrides:
        panel = panels.get(one.sample_id) if one.sample_id else one.panel
        if panel in strategies:
            yield from _bound_problem(one, *strategies[panel], f"{sheet}, row {one.row}")


def _bound_problem(one: Override, gating: str, strategy: Strategy, where: str) -> Iterator[str]:
    if isinstance(strategy, DrawnStrategy):
        expected = "a panel whose gates a strategy places"
        found, remedy = f"an override of gates that are drawn in {gating}", "move the gate there, and remove the row"
        yield problem(where, found=found, expected=expected, remedy=remedy)
        return
    rules = {rule.id: rule for rule in strategy.rules}
    rule = rules.get(one.population)
    if rule is None:
        yield problem(
            f"{where}, population",
            found=f"{one.population!r}{did_you_mean(one.population, rules)}",
            expected=f"a population of {gating}: {', '.join(rules)}",
            remedy="correct it",
        )
        return
    forms = gate_forms(rule)
    if not forms:
        found, remedy = _elsewhere(rule)
        yield problem(f"{where}, population", found=found, expected="a gate that can be moved", remedy=remedy)
    elif not any((one.marker, one.bound) in form for form in forms):
        bounds = list(dict.fromkeys(f"{bound} of {marker}" for form in forms for marker, bound in form))
        near = did_you_mean(one.marker, {marker for form in forms for marker, _ in form} - {one.marker})
        yield problem(
            where,
            found=f"{one.bound} of {one.marker}{near}",
            expected=f"a bound of the gate {rule.id} in {gating}: {', '.join(bounds)}",
            remedy="name one of these",
        )
    elif one.threshold is not None and one.marker not in LINEAR and not LOWEST <= one.threshold <= HIGHEST:
        yield problem(
            f"{where}, threshold",
            found=f"{one.threshold:g}",
            expected=f"a value on the {strategy.scale.method} scale of gates.tsv's threshold, about 0 to 1",
            remedy="write linear units as threshold_linear",
        )


def _elsewhere(rule: Rule) -> tuple[str, str]:
    """What a gate that cannot be moved here is, and what to do instead."""
    if rule.method == "opposite":
        return f"{rule.id}, the other side of {rule.args.of}", f"move {rule.args.of}: {rule.id} follows it"
    return f"{rule.id}, which a person drew", f"move it where it was drawn, and save {rule.args.file} again"
