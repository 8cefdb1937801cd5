"""What the gates are meant to reach, and whether they do. A target that is missed is shown, never a reason to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.gating.measures import Contrast

CLEAR, CONTINUOUS = ("cd4", "cd8", "nk"), ("treg", "cd56bright_nk")
SUBSETS = ("cd4", "cd8", "treg", "nk", "cd56bright_nk")
OK, SHORT = "ok", "SHORT"


@dataclass(frozen=True)
class Target:
    """A bound on one figure: of which profiles, for which subset, at least or at most what (in absolute value)."""

    profiles: tuple[str, ...]
    figure: str
    bounds: Mapping[str, float]
    at_least: bool = False

    def wanted(self, subset: str) -> str:
        """The bound in words."""
        return f"{'at least' if self.at_least else 'at most'} {self.bounds[subset]:g}"

    def met(self, subset: str, value: float) -> bool:
        """Whether a figure reaches it; one that could not be computed does not."""
        bound = self.bounds[subset]
        return value >= bound if self.at_least else abs(value) <= bound


def _bounds(clear: float, continuous: float) -> dict[str, float]:
    return {**dict.fromkeys(CLEAR, clear), **dict.fromkeys(CONTINUOUS, continuous)}


GOOD_LABORATORIES = ("clinic", "other_lab")
TARGETS = (
    Target(GOOD_LABORATORIES, "ccc", _bounds(0.98, 0.95), at_least=True),
    Target(GOOD_LABORATORIES, "bias_%", _bounds(3.0, 10.0)),
    Target(GOOD_LABORATORIES, "arm_by_visit", _bounds(0.1, 0.1)),
    Target(("null",), "trend", _bounds(0.1, 0.1)),
    Target(("hard",), "ccc", _bounds(0.95, 0.85), at_least=True),
    Target(("hard",), "bad_unflagged", _bounds(0, 0)),
)


@dataclass(frozen=True)
class Verdict:
    """A figure held against its target, in words, and whether it reaches it."""

    figure: str
    value: float | Contrast
    wanted: str
    met: bool

    @property
    def word(self) -> str:
        """What stands beside the figure."""
        return OK if self.met else SHORT


def verdicts(profile: str, subset: str, figures: Mapping[str, float | Contrast]) -> dict[str, Verdict]:
    """Figure -> how it does, for those that have a target under this profile."""
    found = {}
    for target in TARGETS:
        if profile in target.profiles:
            value = figures[target.figure]
            number = value.value if isinstance(value, Contrast) else value
            found[target.figure] = Verdict(target.figure, value, target.wanted(subset), target.met(subset, number))
    return found
