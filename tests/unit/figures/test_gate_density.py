"""The picture of a density: every bin one pixel, its colour by who lies there and how many."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cytotrial.cytometry.axis import Axis
from cytotrial.figures.gate_density import SHADES, density_image
from cytotrial.gating.grids import BINS, GateGrid

AXIS = Axis("CD3", "APC-A", 0, 262144.0, "logicle", 1.0, 4.5)


def grid(cells: dict[tuple[int, int], tuple[int, int]]) -> GateGrid:
    """Bin -> events of the parent, and those of them inside."""
    parent, inside = (np.zeros((BINS, BINS), dtype=np.uint32) for _ in range(2))
    for where, (n, n_inside) in cells.items():
        parent[where], inside[where] = n, n_inside
    span = (0.0, 1.0)
    return GateGrid("cd3", AXIS, AXIS, span, span, parent, inside, int(parent.sum()), int(inside.sum()))


def pixels(one: GateGrid) -> np.ndarray:
    """Shape (BINS, BINS, 4), rows from the top, red green blue and opacity."""
    kind, packed = density_image(one).split(",", 1)
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(packed, validate=True))) as picture:
        assert (picture.format, picture.size, picture.info.get("Software")) == ("PNG", (BINS, BINS), None)
        return np.asarray(picture.convert("RGBA"), dtype=int)


def lightness(colour: np.ndarray) -> float:
    return float(colour[:3] @ [0.299, 0.587, 0.114])


def test_x_to_the_right_and_y_upward() -> None:
    picture = pixels(grid({(2, 5): (9, 0), (90, 0): (9, 9)}))
    seen = {(int(column), int(row)) for row, column in np.argwhere(picture[..., 3] > 0)}
    assert seen == {(2, BINS - 1 - 5), (90, BINS - 1)}


def test_grey_outside_and_blue_inside_whatever_else_is_in_the_bin() -> None:
    picture = pixels(grid({(0, 0): (500, 0), (1, 0): (500, 1), (2, 0): (500, 500)}))[BINS - 1]
    blueness = [int(colour[2] - colour[0]) for colour in picture[:3]]
    print("blue above red:", blueness)
    assert blueness[0] < 15
    assert min(blueness[1:]) > 30


def test_the_more_events_the_darker_by_equal_steps_of_the_logarithm() -> None:
    counts = [1, 2, 6, 18, 60, 200, 1000]
    for share in (0, 1):
        picture = pixels(grid({(column, 0): (n, share * n) for column, n in enumerate(counts)}))[BINS - 1]
        light = [lightness(colour) for colour in picture[: len(counts)]]
        print("lightness:", [round(one) for one in light])
        assert light == sorted(light, reverse=True)
        assert len(set(light)) >= SHADES - 1
        assert light[0] < 230  # one event is seen on white
        assert light[-1] < 45


def test_each_colour_has_its_own_fullest_bin() -> None:
    """200 cells among 200,000 are dark where they are most."""
    picture = pixels(grid({(0, 0): (100_000, 0), (1, 0): (20, 20), (2, 0): (1, 1)}))[BINS - 1]
    assert lightness(picture[0]) < 45 > lightness(picture[1])
    assert lightness(picture[2]) > 100


def test_blue_tells_how_many_are_inside_not_how_many_lie_there() -> None:
    picture = pixels(grid({(0, 0): (1000, 1), (1, 0): (1000, 1000)}))[BINS - 1]
    assert lightness(picture[0]) > 150 > 45 > lightness(picture[1])


@pytest.mark.parametrize("n", [1, 2, 4_000_000_000])
def test_one_bin_holds_all(n: int) -> None:
    picture = pixels(grid({(0, 0): (n, n)}))
    assert int((picture[..., 3] > 0).sum()) == 1
    assert lightness(picture[BINS - 1, 0]) < 180


def test_no_event_is_a_clear_picture() -> None:
    assert int(pixels(grid({}))[..., 3].max()) == 0


def test_few_colours_and_the_same_bytes() -> None:
    rng = np.random.default_rng(1)
    cells = {(x, y): (int(n), int(n) // 2 * (x > 40)) for x in range(BINS) for y, n in enumerate(rng.poisson(20, BINS))}
    one, two = (density_image(grid(cells)) for _ in range(2))
    assert one == two
    print(f"a full panel: {len(one)} letters")
    assert len(one) < 6_500
    with Image.open(io.BytesIO(base64.b64decode(one.split(",")[1]))) as picture:
        assert len(picture.convert("RGBA").getcolors()) <= 2 * SHADES + 1 <= 16
