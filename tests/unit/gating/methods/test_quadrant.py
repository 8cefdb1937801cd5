"""Two valleys: the first marker kept above its own, the second below that of the cells the first keeps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.gating.arguments import METHODS, Quadrant
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents

Events = Callable[..., ParentEvents]
# population: cells, CD4, CD8; None is negative
T_CELLS = {
    "cd4": (3000, 4000.0, None),
    "cd4 with a little cd8": (300, 4000.0, 900.0),
    "cd8": (2000, None, 12_000.0),
    "neither": (400, None, None),
    "both": (60, 4000.0, 12_000.0),
}


def stain(rng: np.random.Generator, n: int, level: float | None) -> np.ndarray:
    """Negatives around zero, or cells around `level`."""
    return rng.normal(60, 110, n) if level is None else level * 10 ** rng.normal(0, 0.09, n)


def t_cells(**counts: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """CD4 and CD8 of five populations, and each cell's population; `counts` by their names with underscores."""
    columns: dict[str, list[np.ndarray]] = {"CD4": [], "CD8": []}
    kinds = []
    counts = {name.replace("_", " "): n for name, n in counts.items()}
    for seed, (name, (n, *levels)) in enumerate(T_CELLS.items()):
        rng = np.random.default_rng(seed)
        n = counts.get(name, n)
        for marker, level in zip(columns, levels, strict=True):
            columns[marker].append(stain(rng, n, level))
        kinds.append(np.full(n, name))
    return {name: np.concatenate(parts) for name, parts in columns.items()}, np.concatenate(kinds)


def kept(found: Landmark, columns: dict[str, np.ndarray], kinds: np.ndarray) -> dict[str, float]:
    """Share of each population inside."""
    inside = np.ones(len(kinds), dtype=bool)
    for one in found.bounds:
        values = columns[one.marker]
        inside &= values >= one.linear if one.side == "min" else values < one.linear
    return {name: float(inside[kinds == name].mean()) for name in T_CELLS if (kinds == name).any()}


def gate(parent_events: Events, columns: dict[str, np.ndarray], *markers: str) -> Landmark:
    """The landmark."""
    return place("quadrant", parent_events(columns, markers), args=Quadrant())


def test_quadrant_keeps_the_first_above_and_the_second_below(parent_events: Events) -> None:
    columns, kinds = t_cells(cd4_with_a_little_cd8=0, both=300)
    found = gate(parent_events, columns, "CD4", "CD8")
    assert [(b.marker, b.side) for b in found.bounds] == [("CD4", "min"), ("CD8", "max")]
    assert found.measures == {b.marker: b.linear for b in found.bounds}
    shares = kept(found, columns, kinds)
    print(found.reason, shares)
    assert shares["cd4"] > 0.998
    assert max(shares["cd8"], shares["neither"], shares["both"]) < 0.005


def test_cd4_cells_with_a_little_cd8_are_left_out(parent_events: Events) -> None:
    """They lie below the valley of the CD8+ cells; only among CD4+ cells is there one below them."""
    columns, kinds = t_cells()
    found = gate(parent_events, columns, "CD4", "CD8")
    shares = kept(found, columns, kinds)
    print(found.reason, shares)
    assert found.reason.endswith(" among CD4+ cells")
    assert shares["cd4"] > 0.995
    assert shares["cd4 with a little cd8"] < 0.02
    assert max(shares["cd8"], shares["neither"], shares["both"]) < 0.005
    parents = place("valley", parent_events(columns, ("CD8",)), args=METHODS["valley"]()).bounds[0].linear
    assert (columns["CD8"][kinds == "cd4 with a little cd8"] < parents).mean() > 0.9  # so that the test can fail


def test_the_other_way_round(parent_events: Events) -> None:
    """CD8 T cells: the few with both are left out, and nobody else."""
    columns, kinds = t_cells()
    found = gate(parent_events, columns, "CD8", "CD4")
    assert [(b.marker, b.side) for b in found.bounds] == [("CD8", "min"), ("CD4", "max")]
    shares = kept(found, columns, kinds)
    print(found.reason, shares)
    assert shares["cd8"] > 0.995
    assert max(shares["cd4"], shares["neither"], shares["both"]) < 0.005


def test_where_the_kept_cells_show_no_valley_the_parents_is_taken(parent_events: Events) -> None:
    columns, kinds = t_cells(cd4_with_a_little_cd8=0, both=0)
    found = gate(parent_events, columns, "CD4", "CD8")
    assert "among" not in found.reason
    own = place("valley", parent_events(columns, ("CD8",)), args=METHODS["valley"]()).bounds[0].linear
    assert found.bounds[1].linear == pytest.approx(own)
    assert kept(found, columns, kinds)["cd4"] > 0.998


def test_the_kept_cells_valley_never_lies_above_the_parents(parent_events: Events) -> None:
    """CD8+ T cells are dim here, and among CD4+ cells only a few bright ones are apart from the others."""
    rng = np.random.default_rng(4)
    columns = {
        "CD4": np.concatenate([stain(rng, 3000, 4000.0), stain(rng, 2000, None), stain(rng, 300, 4000.0)]),
        "CD8": np.concatenate([stain(rng, 3000, None), stain(rng, 2000, 1500.0), stain(rng, 300, 40_000.0)]),
    }
    found = gate(parent_events, columns, "CD4", "CD8")
    parents = place("valley", parent_events(columns, ("CD8",)), args=METHODS["valley"]()).bounds[0].linear
    among = parent_events({"CD8": columns["CD8"][columns["CD4"] > 1000.0]}, ("CD8",))
    own = place("valley", among, args=METHODS["valley"]()).bounds[0].linear
    print(f"parent's valley {parents:.0f}, that of the CD4+ cells {own:.0f}; {found.reason}")
    assert own > 2 * parents, "the test's own mistake"
    assert found.bounds[1].linear == pytest.approx(parents)


@pytest.mark.parametrize(("counts", "marker"), [({"cd8": 0, "neither": 0}, "CD4"), ({"cd8": 0, "both": 0}, "CD8")])
def test_both_valleys_are_needed(parent_events: Events, counts: dict[str, int], marker: str) -> None:
    columns, _ = t_cells(cd4_with_a_little_cd8=0, **counts)
    found = gate(parent_events, columns, "CD4", "CD8")
    assert not found.found
    assert found.reason.startswith(f"no {marker} valley of prominence 0.3 among ")
