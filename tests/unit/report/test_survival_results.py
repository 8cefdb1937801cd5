"""Rows of survival.tsv as results, in their order and in words."""

import pytest

from cytotrial.report.survival_results import lost_briefly, lost_words, primary_results, result_words


@pytest.fixture
def result(trial, survival_row):
    """A result from its other rows, each given as a dict."""

    def make(*tried):
        rows = [survival_row(), *(survival_row(**one) for one in tried)]
        (found,) = primary_results(rows, trial, {})
        return found

    return make


def _gate(name: str, **more: str) -> dict[str, str]:
    usual = {"variation": "gate", "gate": f"treg:{name}", "verdict": "fails", "n_held": "2", "smallest_move": "1"}
    return usual | {"weakest": f"{name} -2 SD", "p_high": "0.21"} | more


def test_subsets_then_visits_then_tests_and_nothing_but_the_primary(trial, survival_row) -> None:
    rows = [
        survival_row(),
        survival_row(test="ancova", arm=None),
        survival_row(visit="W10"),
        survival_row(arm="PBO"),
        survival_row(subset="nk", denominator="lymphocytes", test="between_arms", arm=None),
        survival_row(denominator="lymphocytes"),
        survival_row(analysis_set="itt"),
    ]
    assert [result_words(one, trial) for one in primary_results(rows, trial, {})] == [
        "NK cells at W2, between arms",
        "Regulatory T cells at W2, change in IL2",
        "Regulatory T cells at W2, change in PBO",
        "Regulatory T cells at W2, ANCOVA",
        "Regulatory T cells at W10, change in IL2",
    ]


def test_what_was_tried_stands_in_order_gates_from_the_first_of_the_strategy(trial, survival_row) -> None:
    rows = [survival_row(variation="gates_apart"), survival_row(variation="gate", gate="treg:a/CD4/min")]
    rows += [survival_row(variation="gate", gate=f"treg:{name}") for name in ("zz/CD3/min", "cd3/CD3/min")]
    rows += [survival_row(variation=name) for name in ("reporting_limits", "denominators", "all", "analysis_sets")]
    lineage = {"cd3": ("cd3",), "zz": ("cd3", "zz")}
    (result,) = primary_results(rows, trial, lineage)
    assert [row["gate"] or row["variation"] for row in result.tried] == [
        "denominators", "analysis_sets", "reporting_limits",
        "treg:cd3/CD3/min", "treg:zz/CD3/min", "treg:a/CD4/min", "gates_apart",
    ]  # fmt: skip


def test_what_a_result_is_lost_with_the_worst_first(result) -> None:
    fragile = {"variation": "denominators", "verdict": "fragile", "n_held": "3", "weakest": "denominator lymphocytes"}
    lost = result(fragile | {"p_high": "0.0503"}, {"variation": "analysis_sets"}, _gate("treg/CD25/min"))
    assert lost_words(lost) == (
        "CD25 min of treg moved by 1 SD (worst: \u22122 SD, p 0.210); denominator lymphocytes (p 0.0503)"
    )
    assert lost_briefly(lost) == "denominator lymphocytes; CD25 min of treg moved by 1 SD"


def test_a_result_that_turns_round_is_lost_though_no_p_is_large(result) -> None:
    turned = result(_gate("treg/CD25/min", p_high="0.03"))
    assert lost_words(turned) == "CD25 min of treg moved by 1 SD (worst: \u22122 SD, the other sign)"


def test_several_choices_of_a_kind_are_counted(result) -> None:
    two = {"variation": "reporting_limits", "verdict": "fails", "n_analyses": "2", "n_held": "0"}
    lost = result(two | {"weakest": "without below_lloq", "p_high": "0.4"})
    assert lost_words(lost) == (
        "2 of 2 low counts left out (worst: values below the limit of quantification left out, p 0.400)"
    )


def test_a_sentence_names_few_gate_limits(result) -> None:
    names = ("a/CD1/min", "b/CD2/max", "c/CD3:CD4/shape")
    apart = {"variation": "gates_apart", "verdict": "fragile", "n_analyses": "200", "n_held": "139"}
    lost = result(*(_gate(name) for name in names), _gate("d/CD5/min", verdict="fragile", smallest_move="2"), apart)
    assert lost_briefly(lost) == (
        "any of 3 gate limits moved by 1 SD (CD1 min of a, CD2 max of b, ...); CD5 min of d moved by 2 SD; "
        "all gates moved at random (holds in 139 of 200)"
    )
    assert "shape of c moved by 1 SD" in lost_words(lost)
