"""Treg and CD56bright gates on simulated tubes over the ranges of disease and treatment: relative errors, bounded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.simulate.parameters import tube_parameters
from cytotrial.simulate.tube import TubeParameters

BOUND = 15.0  # percent of the true percentage


def with_composition(panel: str, **shares: float) -> TubeParameters:
    """The panel's tube with other shares of its populations."""
    base = tube_parameters(panel)
    return dataclasses.replace(base, composition=dataclasses.replace(base.composition, **shares))


def with_gain(panel: str, gain: float) -> TubeParameters:
    """The panel's tube with every detector at another gain."""
    base = tube_parameters(panel)
    return dataclasses.replace(base, gain={detector.name: gain for detector in base.detectors})


def check(simulate: Callable, parameters: TubeParameters, tag: str) -> None:
    """Print the relative errors of two tubes; their mean is bounded, and each but for its own counting noise."""
    pairs = TREG if parameters.panel == "treg" else NK
    tubes = [simulate(parameters, seed=seed) for seed in (1, 2)]
    for subset, denominator in pairs.items():
        errors = [made.error(subset, denominator) for made in tubes]
        n_true = [made.truth.count(subset) for made in tubes]
        print(f"{tag}: {subset} {', '.join(f'{e:+.1f} % of {n} cells' for e, n in zip(errors, n_true, strict=True))}")
        assert abs(np.mean(errors)) < BOUND
        assert all(abs(e) < BOUND + 100.0 / np.sqrt(n) for e, n in zip(errors, n_true, strict=True))


TREG = {"treg": "cd4", "cd4": "cd3", "cd8": "cd3"}
NK = {"cd56bright_nk": "nk", "nk": "lymphocytes"}


@pytest.mark.parametrize("share", [0.03, 0.09, 0.20])
def test_treg_over_its_range(simulate_in_memory: Callable, share: float) -> None:
    check(simulate_in_memory, with_composition("treg", treg_of_cd4=share), f"treg {share}")


@pytest.mark.parametrize("share", [0.03, 0.065, 0.11, 0.20, 0.25])
def test_cd56bright_over_its_range(simulate_in_memory: Callable, share: float) -> None:
    check(simulate_in_memory, with_composition("nk", cd56bright_of_nk=share), f"cd56bright {share}")


@pytest.mark.parametrize("gain", [0.7, 1.4])
@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_gain(simulate_in_memory: Callable, panel: str, gain: float) -> None:
    check(simulate_in_memory, with_gain(panel, gain), f"{panel} gain {gain}")


@pytest.mark.parametrize("share", [0.03, 0.12, 0.30])
def test_nk_over_its_range(simulate_in_memory: Callable, share: float) -> None:
    check(simulate_in_memory, with_composition("nk", nk_of_lymphocytes=share), f"nk {share}")


@pytest.mark.parametrize("dead", [0.0, 0.2])
@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_dead_cells(simulate_in_memory: Callable, panel: str, dead: float) -> None:
    check(simulate_in_memory, with_composition(panel, dead=dead), f"{panel} dead {dead}")


@pytest.mark.parametrize("share", [0.42, 0.50, 0.60])
def test_cd56bright_may_outnumber_the_dim_cells(simulate_in_memory: Callable, share: float) -> None:
    """A strong response to IL-2: bright is the taller peak, and dim still the lower one."""
    parameters = with_composition("nk", nk_of_lymphocytes=0.12, cd56bright_of_nk=share)
    check(simulate_in_memory, parameters, f"cd56bright {share}")


@pytest.mark.parametrize("staining", [0.4, 0.3, 0.2])
def test_nk_where_cd56_is_dim(simulate_in_memory: Callable, staining: float) -> None:
    """The valley between dim and bright is not the one between negative and positive."""
    parameters = dataclasses.replace(tube_parameters("nk"), staining={"CD56": staining})
    check(simulate_in_memory, parameters, f"CD56 staining x{staining}")


@pytest.mark.parametrize(("factor", "bits"), [(4.0, 20), (16.0, 22), (64.0, 24)])
@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_instruments_of_wider_range(simulate_in_memory: Callable, panel: str, factor: float, bits: int) -> None:
    """The same cells on 20 to 24 bits, noise and all: the scale's width follows the noise."""

    def on_a_wider_range(parameters: TubeParameters, *, seed: int) -> object:
        return simulate_in_memory(parameters, seed=seed, factor=factor, top=2.0**bits)

    check(on_a_wider_range, tube_parameters(panel), f"{bits} bits")


@pytest.mark.parametrize("share", [0.03, 0.065, 0.30])
def test_nk_where_the_dump_leaves_monocytes_out(simulate_in_memory: Callable, share: float) -> None:
    """CD14 and CD19 in one channel: nearer the truth than where the tube has no dump, or does not map it."""
    parameters = with_composition("nk", nk_of_lymphocytes=share)
    with_dump, without = (simulate_in_memory(parameters, seed=1, dump=dump) for dump in (True, False))
    inside = with_dump.inside()
    assert inside["without_monocytes"].sum() < inside["live"].sum()
    errors = [made.error("nk", "lymphocytes") for made in (with_dump, without)]
    print(f"nk {share}: {errors[0]:+.1f} % with the dump, {errors[1]:+.1f} % without")
    assert abs(errors[0]) < 5.0
    assert abs(errors[0]) < abs(errors[1])
