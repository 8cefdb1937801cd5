"""Scales: FlowKit's own transforms, both ways, and a name that gives them back."""

from __future__ import annotations

from pathlib import Path

import flowkit as fk
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.columns import Table
from cytotrial.cytometry.axis import Axis, axes_as_text, axes_from_text
from cytotrial.tables import read_table, write_table

LINEAR = np.concatenate([-np.logspace(5, 0, 60), [0.0], np.logspace(0, np.log10(262144), 200)])


def logicle(*, top: float = 262144.0, w: float = 1.0, m: float = 4.5, a: float = 0.0) -> Axis:
    """A logicle axis."""
    return Axis("CD3", "PE-A", 0, top, "logicle", w, m, a)


@pytest.mark.parametrize(("w", "m", "a"), [(1.0, 4.5, 0.0), (0.5, 4.5, 0.0), (0.0, 5.0, 0.5), (1.0, 4.0, -0.5)])
@pytest.mark.parametrize("top", [10_000.0, 262144.0, 4194304.0])
def test_logicle_is_flowkits(w: float, m: float, a: float, top: float) -> None:
    axis = logicle(top=top, w=w, m=m, a=a)
    theirs = fk.transforms.LogicleTransform(top, w, m, a)
    column = LINEAR.reshape(-1, 1)
    ours = axis.to_scale(LINEAR)
    assert np.array_equal(ours, theirs.apply(column).ravel())
    assert np.array_equal(axis.to_linear(ours), theirs.inverse(ours.reshape(-1, 1)).ravel())
    back = np.abs(axis.to_linear(ours) - LINEAR) / np.maximum(np.abs(LINEAR), 1.0)
    print(f"logicle T={top:g} W={w} M={m} A={a}: round trip, worst relative error {back.max():.1e}")
    assert back.max() < 1e-6


@pytest.mark.parametrize(("m", "a"), [(4.5, 0.0), (4.0, 1.0)])
def test_asinh_is_flowkits_and_the_specifications(m: float, a: float) -> None:
    axis = Axis("CD3", "PE-A", 0, 10_000.0, "asinh", 0.0, m, a)
    theirs = fk.transforms.AsinhTransform(10_000.0, m, a)
    ours = axis.to_scale(LINEAR)
    assert np.array_equal(ours, theirs.apply(LINEAR.reshape(-1, 1)).ravel())
    # GatingML 2.0, 6.3: (asinh(x sinh(M ln 10) / T) + A ln 10) / ((M + A) ln 10)
    by_hand = (np.arcsinh(LINEAR * np.sinh(m * np.log(10)) / 10_000.0) + a * np.log(10)) / ((m + a) * np.log(10))
    assert ours == pytest.approx(by_hand, abs=1e-12)
    assert axis.to_linear(ours) == pytest.approx(LINEAR, rel=1e-9, abs=1e-9)


def test_logicle_ends() -> None:
    """T is 1; 0 lies at (W + A) / (M + A) for A = 0 (Moore 2012)."""
    assert float(logicle().to_scale(262144.0)) == pytest.approx(1.0)
    assert float(logicle().to_scale(0.0)) == pytest.approx(1.0 / 4.5)


@given(st.floats(-1e5, 262144.0, allow_nan=False), st.floats(-1e5, 262144.0, allow_nan=False))
def test_order_is_kept(one: float, other: float) -> None:
    """So a threshold may be given on either scale."""
    axis = logicle()
    low, high = sorted((one, other))
    assert float(axis.to_scale(low)) <= float(axis.to_scale(high))


@pytest.mark.parametrize("shape", [(), (0,), (5,), (4, 3)])
def test_shape_is_kept(shape: tuple[int, ...]) -> None:
    values = np.full(shape, 100.0)
    assert logicle().to_scale(values).shape == shape
    assert logicle().to_linear(values / 1000).shape == shape


def test_linear_is_as_it_was() -> None:
    axis = Axis("FSC-A", "FSC-A", 0, 262144.0)
    assert axis.is_linear
    assert np.array_equal(axis.to_scale(LINEAR), LINEAR)
    assert float(axis.to_linear(5)) == 5.0
    assert axis.name == "linear"


def test_name() -> None:
    assert logicle().name == "logicle(T=262144,W=1,M=4.5,A=0)"
    assert Axis("CD3", "PE-A", 0, 10_000.0, "asinh", 0.0, 4.0, 1.0).name == "asinh(T=10000,M=4,A=1)"


def test_name_tells_large_ranges_apart() -> None:
    """4194303 and 4194304 are both written by instruments; six digits would not do."""
    assert logicle(top=4194303.0).name == "logicle(T=4194303,W=1,M=4.5,A=0)"
    assert logicle(top=4194303.5).name == "logicle(T=4194303.5,W=1,M=4.5,A=0)"


NAMES = ("PE-A", "Pacific Blue-A", "FL 2  A", "a   b    c", 'Ω "slash\\" \t/A', " ", "x\xa0\u2003\x1fy")


def test_axes_come_back_from_a_table_as_they_were(tmp_path: Path) -> None:
    """Every digit and every letter of a name: by these a later step finds the channel and its scale."""
    axes = {
        f"M{number}": Axis(f"M{number}", name, number, 4194304.0 / 3, "logicle", 0.1 + 0.2, 4.5 + np.log10(16.0), -0.1)
        for number, name in enumerate(NAMES)
    }
    axes |= {"FSC-A": Axis("FSC-A", "FSC-A", 9, float("inf")), "CD3": Axis("CD3", "V-A", 10, 1e4, "asinh", 0.0, 4.0)}
    table = Table("told", ("axes",), ("axes",))
    write_table(tmp_path / "t.tsv", table, [{"axes": axes_as_text(axes)}])
    ((text,),) = (row.values() for row in read_table(tmp_path / "t.tsv"))
    back = axes_from_text(str(text))
    assert back == axes and list(back) == list(axes)
    assert [axis.channel for axis in back.values()][: len(NAMES)] == list(NAMES)


def test_no_axes_are_none() -> None:
    assert axes_from_text(axes_as_text({})) == {}
