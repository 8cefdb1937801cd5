"""From the configuration to the plan: what is declared, and what the dosing periods say where nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.commands.statistics import analysis_plan
from cytotrial.errors import CytotrialError
from cytotrial.statistics.plan import AnalysisPlan, Family, PlannedEndpoint, Schedule
from cytotrial.study.config import load_study

CONFIG = """\
trial: {id: T, baseline: W0}
arms: [{id: IL2, role: active}, {id: IL2B, role: active}, {id: PBO, role: control}]
visits:
  [{id: SCR, week: -2}, {id: W0, week: 0}, {id: W2, week: 2}, {id: W4, day: 28}, {id: W6, week: 6}, {id: W8, week: 8},
   {id: W10, week: 10}, {id: W12, week: 12}, {id: W16, week: 16}, {id: W20, week: 20}]
dosing: [{from_week: 0, to_week: 2}, {from_week: 4, to_week: 6}, {from_week: 8, to_week: 10}]
readouts:
  - {id: treg, panel: tube, population: regulatory, denominators: [cd4, lymphocytes], condition: CEF}
analysis_sets: [mitt, pp]
"""
EXPOSURE = ("W0", "W2", "W4", "W6", "W8", "W10", "W12")


def plan_of(folder: Path, more: str = "", config: str = CONFIG) -> AnalysisPlan:
    path = folder / "config.yaml"
    path.write_text(config + more, encoding="utf-8")
    return analysis_plan(load_study(path, tables_only=True))


def test_every_part_of_the_plan(tmp_path):
    plan = plan_of(
        tmp_path,
        "endpoints: [{id: SRI4, type: binary, visit: W12, order: 1}, {id: FEVER, type: binary, role: safety}]\n"
        "analysis: {locf: true, families: [{id: A, test: wilcoxon, visits: [W12], method: holm}]}\n",
    )

    assert plan.pair == ("IL2", "PBO") and plan.arms == ("IL2", "IL2B", "PBO")
    assert plan.post_baseline == ("W2", "W4", "W6", "W8", "W10", "W12", "W16", "W20")
    assert plan.weeks[:4] == (-2.0, 0.0, 2.0, 4.0)
    assert plan.subsets[0].condition == "CEF" and plan.is_primary("treg", "cd4")
    assert (plan.subsets[0].population, plan.subsets[0].panel) == ("regulatory", "tube")
    assert plan.endpoints == (
        PlannedEndpoint("SRI4", "binary", "efficacy", "W12", 1),
        PlannedEndpoint("FEVER", "binary", "safety"),
    )
    assert plan.families == (Family("A", "wilcoxon", (), ("W12",), "holm"),)
    assert plan.is_locf_asked


def test_the_schedule_comes_from_the_dosing(tmp_path):
    assert plan_of(tmp_path).schedule == Schedule(("W2", "W6", "W10"), ("W4", "W8", "W12"), EXPOSURE, ("W16", "W20"))
    without = CONFIG.replace(CONFIG[CONFIG.index("dosing:") : CONFIG.index("readouts:")], "")
    assert plan_of(tmp_path, config=without).schedule == Schedule()
    assert not plan_of(tmp_path).is_locf_asked


@pytest.mark.parametrize(
    ("declared", "peak", "trough", "exposure", "carry_over"),
    [
        ("{peak: [W10, W2]}", ("W2", "W10"), ("W4", "W8", "W12"), EXPOSURE, ("W16", "W20")),
        ("{trough: [W16]}", ("W2", "W6", "W10"), ("W16",), (*EXPOSURE, "W16"), ("W20",)),
        ("{peak: [W4]}", ("W4",), ("W8", "W12"), EXPOSURE, ("W16", "W20")),
        ("{carry_over: [W20]}", ("W2", "W6", "W10"), ("W4", "W8", "W12"), EXPOSURE, ("W20",)),
        ("{carry_over: [W20, W12]}", ("W2", "W6", "W10"), ("W4", "W8"), EXPOSURE[:-1], ("W12", "W20")),
        ("{peak: [W2], trough: [W4], carry_over: [W6]}", ("W2",), ("W4",), EXPOSURE[:3], ("W6",)),
        ("{carry_over: []}", ("W2", "W6", "W10"), ("W4", "W8", "W12"), EXPOSURE, ()),
    ],
)
def test_what_is_declared_goes_before_the_dosing(tmp_path, declared, peak, trough, exposure, carry_over):
    schedule = plan_of(tmp_path, f"analysis: {{schedule: {declared}}}\n").schedule

    assert schedule == Schedule(peak, trough, exposure, carry_over)


@pytest.mark.parametrize("declared", ["{carry_over: [W4, W16]}", "{peak: [W2], carry_over: [W4, W20]}"])
def test_carry_over_before_a_peak_or_trough_of_the_dosing_is_refused(tmp_path, declared):
    with pytest.raises(
        CytotrialError, match=r"carry_over: found W4 before W1[02], the last peak or trough by the dosing"
    ):
        plan_of(tmp_path, f"analysis: {{schedule: {declared}}}\n")
