"""The shares of all kinds of cell in one tube."""

from __future__ import annotations

from dataclasses import dataclass

from cytotrial.simulate.blood.populations import SUBSETS


@dataclass(frozen=True)
class Composition:
    """Who is in the tube: shares of events, then shares of their parents.

    The shares of events are of all events before doublets; lymphocytes are what the others leave.

    Raises
    ------
    ValueError
        A share is outside 0..1, or shares of one parent exceed it.
    """

    monocytes: float
    granulocytes: float
    basophils: float
    debris: float
    dead: float
    dying: float
    aggregates: float
    nonclassical_of_monocytes: float
    nk_of_lymphocytes: float
    b_of_lymphocytes: float
    cd4_of_cd3: float
    cd8_of_cd3: float
    gd_of_double_negative: float
    treg_of_cd4: float
    resting_of_treg: float
    cd56bright_of_nk: float
    nkt_like_of_cd8: float
    activated_of_cd8: float
    naive_of_conventional_cd4: float
    activated_of_conventional_cd4: float

    def __post_init__(self) -> None:
        outside = {name: share for name, share in vars(self).items() if not 0.0 <= share <= 1.0}
        if outside:
            raise ValueError(f"shares outside 0..1: {outside}")
        sums = {
            "events": sum(self._not_lymphocytes().values()),
            "lymphocytes": self.nk_of_lymphocytes + self.b_of_lymphocytes,
            "CD3": self.cd4_of_cd3 + self.cd8_of_cd3,
            "CD8": self.nkt_like_of_cd8 + self.activated_of_cd8,
            "conventional CD4": self.naive_of_conventional_cd4 + self.activated_of_conventional_cd4,
        }
        over = {parent: total for parent, total in sums.items() if total > 1.0 + 1e-9}
        if over:
            raise ValueError(f"shares of one parent exceed it: {over}")

    def shares(self) -> dict[str, float]:
        """Population -> share of all events (before doublets); the shares add to 1."""
        others = self._not_lymphocytes()
        lymphocytes = max(1.0 - sum(others.values()), 0.0)
        t = lymphocytes * max(1.0 - self.nk_of_lymphocytes - self.b_of_lymphocytes, 0.0)
        nk = lymphocytes * self.nk_of_lymphocytes
        return {
            **self._cd4(t * self.cd4_of_cd3),
            **self._cd8(t * self.cd8_of_cd3),
            **self._double_negative(t * (1.0 - self.cd4_of_cd3 - self.cd8_of_cd3)),
            "nk_dim": nk * (1.0 - self.cd56bright_of_nk),
            "nk_bright": nk * self.cd56bright_of_nk,
            "b": lymphocytes * self.b_of_lymphocytes,
            **others,
        }

    def percent(self, subset: str, denominator: str) -> float | None:
        """The percentage of `denominator` that `subset` is expected to be; None where there is none of it."""
        shares = self.shares()
        of = sum(shares[name] for name in SUBSETS[denominator])
        return 100.0 * sum(shares[name] for name in SUBSETS[subset]) / of if of else None

    def _not_lymphocytes(self) -> dict[str, float]:
        return {
            "monocyte": self.monocytes * (1.0 - self.nonclassical_of_monocytes),
            "monocyte_nonclassical": self.monocytes * self.nonclassical_of_monocytes,
            "granulocyte": self.granulocytes,
            "basophil": self.basophils,
            "debris": self.debris,
            "dead": self.dead,
            "dying": self.dying,
            "aggregate": self.aggregates,
        }

    def _cd4(self, cd4: float) -> dict[str, float]:
        conventional, treg = cd4 * (1.0 - self.treg_of_cd4), cd4 * self.treg_of_cd4
        naive, activated = self.naive_of_conventional_cd4, self.activated_of_conventional_cd4
        return {
            "cd4_naive": conventional * naive,
            "cd4_memory": conventional * max(1.0 - naive - activated, 0.0),
            "cd4_activated": conventional * activated,
            "treg_resting": treg * self.resting_of_treg,
            "treg_effector": treg * (1.0 - self.resting_of_treg),
        }

    def _cd8(self, cd8: float) -> dict[str, float]:
        return {
            "cd8_t": cd8 * max(1.0 - self.nkt_like_of_cd8 - self.activated_of_cd8, 0.0),
            "cd8_activated": cd8 * self.activated_of_cd8,
            "nkt_like": cd8 * self.nkt_like_of_cd8,
        }

    def _double_negative(self, t: float) -> dict[str, float]:
        rest = max(t, 0.0)
        return {
            "gd_t": rest * self.gd_of_double_negative,
            "t_double_negative": rest * (1.0 - self.gd_of_double_negative),
        }
