"""The verb `simulate`: options, mistakes, layout."""

import subprocess
import sys

import pytest

from cytotrial.cli import main
from cytotrial.columns import TRUTH
from cytotrial.tables import read_table


@pytest.fixture
def gating(tmp_path):
    folder = tmp_path / "gating"
    folder.mkdir()
    for panel in ("treg", "nk"):
        (folder / f"{panel}.yaml").write_text(f"strategy: {panel}\n")
    return folder


def _simulate(out, *options):
    return main(["simulate", "--out", str(out), "--seed", "1", *map(str, options)])


def test_a_small_he2020(tmp_path, gating):
    out = tmp_path / "trial"
    options = ("--trial", "he2020", "--subjects-per-arm", 2, "--visits", "W0,W10", "--events", 400)
    assert _simulate(out, *options, "--gating", gating) == 0
    assert len(list((out / "fcs").iterdir())) == 16
    assert len(read_table(out / "truth.tsv", TRUTH)) == 8 * 6 + 8 * 3
    assert (out / "config/gating/nk.yaml").read_text() == "strategy: nk\n"
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and path.suffix != ".fcs"}
    assert names == {
        "truth.tsv",
        "config/config.yaml",
        "config/samples.tsv",
        "config/subjects.tsv",
        *(f"config/{kind}/{panel}.yaml" for kind in ("panels", "gating") for panel in ("treg", "nk")),
    }


def test_bundled_has_no_config_and_paths_from_the_repository_root(tmp_path):
    options = ("--trial", "demo", "--subjects-per-arm", 1, "--visits", "W0", "--events", 50, "--bundled")
    assert _simulate(tmp_path, *options) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "fcs",
        "samples.tsv",
        "subjects.tsv",
        "truth.tsv",
    ]
    lines = (tmp_path / "samples.tsv").read_text().splitlines()
    assert lines[1].split("\t")[:2] == ["S001_W0_nk", "resources/demo/fcs/S001_W0_nk.fcs"]


def test_every_mistake_is_told_at_once(tmp_path, gating, capsys):
    (gating / "nk.yaml").unlink()
    options = ("--trial", "he2020", "--visits", "W1O,W4", "--events", 0, "--missing", 1.5)
    assert _simulate(tmp_path / "out", *options, "--gating", gating) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 5 and all(line.startswith("ERROR: --") for line in told)
    text = "\n".join(told)
    for piece in ("--events: found 0", "did you mean 'W1", "no W0", "--missing: found 1.5", "no nk.yaml"):
        assert piece in text
    assert not (tmp_path / "out").exists()


def test_bundled_is_for_the_demonstration_and_out_must_be_a_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert _simulate(tmp_path / "file", "--trial", "he2020", "--bundled") == 2
    told = capsys.readouterr().err
    assert "--bundled: found --trial he2020" in told and "found a file, expected a folder" in told


def test_profile_null_takes_the_effect_away(tmp_path):
    common = ("--trial", "demo", "--subjects-per-arm", 1, "--visits", "W0,W10", "--events", 300, "--bundled")
    assert _simulate(tmp_path / "a", *common) == 0
    assert _simulate(tmp_path / "b", *common, "--profile", "null") == 0
    with (tmp_path / "a/subjects.tsv").open() as stream:
        treated = next(line.split("\t")[0] for line in stream if "\tIL2\t" in line)
    changed = {
        path.name.removesuffix(".fcs")
        for path in (tmp_path / "a/fcs").iterdir()
        if path.read_bytes() != (tmp_path / "b/fcs" / path.name).read_bytes()
    }
    assert changed == {f"{treated}_W10_treg", f"{treated}_W10_nk"}


def test_flowkit_is_not_imported():
    heavy = "{'flowkit', 'scipy', 'pandas', 'matplotlib'} & set(sys.modules)"
    code = f"import sys, cytotrial.commands.simulate; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_disk_that_refuses_is_told_in_one_line(tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cytotrial.simulate.trial.write_fcs", full)
    assert _simulate(tmp_path / "out", "--trial", "demo", "--bundled") == 2
    assert "No space left on device" in capsys.readouterr().err
