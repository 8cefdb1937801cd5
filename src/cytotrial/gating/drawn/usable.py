"""Which drawn gates can be applied to one file, and of the others why not: one gate never stops the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError
from cytotrial.gating.drawn import model
from cytotrial.gating.drawn.contents import BOOLEAN_NODES, Contents, GatePath, Tree, needed
from cytotrial.gating.drawn.excerpt import excerpt, excerpt_of_one
from cytotrial.gating.drawn.strategy import DrawnStrategy

Why = tuple[str, str]  # outcome (not_done, not_found) and reason


def usable_gates(strategy: DrawnStrategy, file: FcsFile, name: str) -> tuple[Any, dict[str, Why]]:
    """FlowKit's gates of one file, and what cannot be gated.

    Parameters
    ----------
    name : str
        What the workspace calls the file.

    Returns
    -------
    gates : flowkit.GatingStrategy
    absent : dict
        Rule id -> outcome and reason.

    Raises
    ------
    UnreadableFcsError
        FlowKit reads none of it.
    """
    contents, tree = strategy.contents, strategy.contents.tree(name)
    whose = f" for {name!r}" if name else ""
    absent: dict[str, Why] = {
        rule: ("not_found", f"{contents.file.name} has no gate {'/'.join(path)!r}{whose}")
        for rule, path in strategy.paths.items()
        if path not in tree
    }
    left = {rule: path for rule, path in strategy.paths.items() if path in tree}
    while True:
        gates, bad = _reading(contents, name, list(left.values()), file)
        if not bad:
            return gates, absent
        absent |= _stopped(left, tree, bad)
        left = {rule: path for rule, path in left.items() if rule not in absent}


def _reading(
    contents: Contents, name: str, paths: Collection[GatePath], file: FcsFile
) -> tuple[Any, dict[GatePath, Why]]:
    """The gates at `paths`, and which of them, or of those they stand on, cannot be applied to this file."""
    tree = contents.tree(name)
    all_needed = list(dict.fromkeys(one for path in paths for one in needed(tree, path)))
    dangling = {path: why for path in all_needed if (why := _dangling(tree, path))}
    if dangling:
        return None, dangling
    try:
        gates = model.parse_gates(excerpt(contents, name, paths), contents.kind, name)
    except ValueError as error:
        culprits = _unreadable(contents, name, all_needed)
        if not culprits:
            raise UnreadableFcsError(f"FlowKit does not read {contents.file.name}: {error}") from error
        return None, culprits
    return gates, {path: why for path in all_needed if (why := _inapplicable(gates, path, file))}


def _dangling(tree: Tree, path: GatePath) -> Why | None:
    lacking = ["/".join(one) for one in tree[path].refers_to if one not in tree]
    return ("not_found", f"{path[-1]} refers to {', '.join(lacking)}, which is no gate") if lacking else None


def _unreadable(contents: Contents, name: str, paths: Collection[GatePath]) -> dict[GatePath, Why]:
    """The gates that FlowKit does not read even alone."""
    found: dict[GatePath, Why] = {}
    tree = contents.tree(name)
    for path in paths:
        if tree[path].kind in (*BOOLEAN_NODES, "BooleanGate"):
            continue
        try:
            model.parse_gates(excerpt_of_one(contents, name, path), contents.kind, name)
        except ValueError as error:
            found[path] = ("not_found", f"FlowKit does not read the {tree[path].kind} {path[-1]}: {error}")
    return found


def _inapplicable(gates: Any, path: GatePath, file: FcsFile) -> Why | None:
    gate = model.gate_at(gates, path)
    lacking = model.missing_channels(gates, gate, file)
    if lacking:
        return "not_done", f"no {' or '.join(lacking)} channel"
    if not model.is_of_numbers(gate):
        return "not_found", f"{path[-1]} has a limit or a corner that is not a number"
    if len(model.compensations([gate])) > 1:
        return "not_found", f"{path[-1]} is compensated with two matrices, which FlowKit does not do"
    return None


def _stopped(rules: Mapping[str, GatePath], tree: Tree, bad: Mapping[GatePath, Why]) -> dict[str, Why]:
    """The rules that stand on a gate that cannot be applied."""
    found = {}
    for rule, path in rules.items():
        first = next((one for one in needed(tree, path) if one in bad), None)
        if first is not None:
            found[rule] = bad[first]
    return found
