"""What is exported as GatingML, with the FCS file alone and FlowKit alone, gives every count of populations.tsv."""

from __future__ import annotations

import flowkit as fk
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trial(good_run):
    made, done = good_run
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_every_file_has_its_gates(trial):
    names = {path.name for path in trial.path("results/exports/gatingml").glob("*.xml")}
    assert names == {f"{row['sample_id']}.xml" for row in trial.rows("config/samples.tsv")} and len(names) == 16


def test_every_count_of_every_file_comes_again(trial):
    """No table of the run is read for it, nor the panel file: compensation, scales and gates are in the document."""
    counted = {}
    for row in trial.rows("results/tables/populations.tsv"):
        if row["population"] != "root" and row["n_events"] != "NA":
            counted.setdefault(row["sample_id"], {})[row["population"]] = int(row["n_events"])
    compared = 0
    for sample, expected in counted.items():
        strategy = fk.parse_gating_xml(str(trial.path(f"results/exports/gatingml/{sample}.xml")))
        results = strategy.gate_sample(fk.Sample(trial.path(f"fcs/{sample}.fcs")))
        found = {name: results.get_gate_count(name) for name, _ in strategy.get_gate_ids() if "." not in name}
        assert found == expected, sample
        compared += len(found)
    print(f"{compared} counts of {len(counted)} files, each the same")
    assert len(counted) == 16 and compared > 140


@pytest.mark.parametrize("sample", ["S001_W0_treg", "S004_W10_nk"])
def test_parents_are_those_of_the_table(trial, sample):
    rows = [row for row in trial.rows("results/tables/populations.tsv") if row["sample_id"] == sample]
    strategy = fk.parse_gating_xml(str(trial.path(f"results/exports/gatingml/{sample}.xml")))
    above = {name: path[-1] for name, path in strategy.get_gate_ids() if "." not in name}
    assert above == {row["population"]: row["parent"] for row in rows if row["parent"] != "NA"}
