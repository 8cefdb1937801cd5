"""A panel's strategy that people drew: the same shape as a YAML one, its gates named in a gate map. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cytotrial.gating.drawn.contents import Contents, GatePath
from cytotrial.gating.drawn.names import name_in_workspace
from cytotrial.gating.strategy import ROOT, Strategy

QUALITY_STEPS = ("in_range", "steady_time", "singlets", "live")  # ids that make a mapped gate a step of event quality


@dataclass(frozen=True)
class DrawnStrategy(Strategy):
    """A whole strategy of a FlowJo workspace or a GatingML file.

    `rules` has one rule per gate from the root down to the mapped ones. A gate that stands above a mapped one and is
    not mapped itself is called ``root/`` and its path: it is written down in the ledger and counted nowhere.

    Attributes
    ----------
    contents : Contents
        The file's gates.
    paths : mapping
        Rule id -> where its gate is in the file.
    samples : mapping
        Sample id -> name in the workspace, for files that go by another name there.
    """

    contents: Contents = field(repr=False)
    paths: Mapping[str, GatePath]
    samples: Mapping[str, str]

    @property
    def population_ids(self) -> tuple[str, ...]:
        """The root and every mapped population, parents above children."""
        return (ROOT, *(rule.id for rule in self.rules if is_mapped(rule.id)))

    @property
    def undrawn_steps(self) -> tuple[str, ...]:
        """The usual steps of event quality that nobody drew a gate for."""
        return tuple(step for step in QUALITY_STEPS if step not in self.paths)

    def ancestors(self, population: str) -> tuple[str, ...]:
        """The mapped populations above one, the nearest first and the root last."""
        return tuple(one for one in super().ancestors(population) if is_mapped(one))

    def name_of(self, sample_id: str, names: tuple[str, ...]) -> tuple[str | None, str]:
        """The workspace's name of a file, or None and why there is none.

        Parameters
        ----------
        names : tuple of str
            What the file itself is called: its own name, its ``$FIL``.
        """
        if sample_id in self.samples:
            return name_in_workspace(self.contents, (self.samples[sample_id],))
        name, why = name_in_workspace(self.contents, names)
        remedy = f"say in the gate map what it is called there, as in samples: {{{sample_id}: NAME}}"
        return name, f"{why}; {remedy}" if name is None else ""


def is_mapped(rule_id: str) -> bool:
    """Whether a rule is a population of the gate map, not merely a gate above one."""
    return "/" not in rule_id
