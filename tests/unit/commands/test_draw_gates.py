"""The verb `draw-gates`: a picture per readable file, the same bytes each time, marked where the data are simulated."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytotrial.cli import main

CHECKOUT = Path(__file__).resolve().parents[3]
FCS = CHECKOUT / "resources/demo/fcs"
GATING = CHECKOUT / "config/gating/nk.yaml"


def shared_options(folder: Path) -> list[str]:
    """The options of place-gates and draw-gates alike."""
    words = {"samples": folder / "samples.tsv", "subject": "S001", "panel": "nk", "gating": GATING}
    words |= {"markers": CHECKOUT / "config/panels/nk.yaml", "intake": folder / "intake.tsv"}
    return [f"--{key}={value}" for key, value in words.items()]


def gated(folder: Path, files: dict[str, Path]) -> Path:
    """Place and agree: the folder that draw-gates starts from."""
    rows = [f"{name}\t{path}\tS001\tW0\tnk\n" for name, path in files.items()]
    (folder / "samples.tsv").write_text("sample_id\tfcs\tsubject_id\tvisit\tpanel\n" + "".join(rows), encoding="utf-8")
    landmarks = f"--landmarks={folder / 'landmarks.tsv'}"
    assert main(["place-gates", *shared_options(folder), landmarks]) == 0
    out = [f"--gates={folder / 'gates.tsv'}", f"--not-placed={folder / 'not_placed.tsv'}"]
    assert main(["agree-gates", f"--gating=nk={GATING}", landmarks, *out]) == 0
    return folder


def draw(folder: Path, out: Path, *words: str) -> int:
    """The verb."""
    return main(["draw-gates", *shared_options(folder), f"--gates={folder / 'gates.tsv'}", f"--out={out}", *words])


def pixels(path: Path) -> np.ndarray:
    """A picture's colours, shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"), dtype=int)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of the demonstration and one that is not there, gated; drawn with the mark."""
    made = tmp_path_factory.mktemp("drawn")
    gated(made, {"one": FCS / "S001_W0_nk.fcs", "two": FCS / "S001_W10_nk.fcs", "gone": made / "gone.fcs"})
    assert draw(made, made / "pictures", "--synthetic") == 0
    return made


def test_one_picture_per_readable_file(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "pictures").iterdir()) == ["one.png", "two.png"]
    for path in (folder / "pictures").iterdir():
        with Image.open(path) as picture:
            print(f"{path.name}: {picture.size}, {path.stat().st_size} bytes")
            assert (picture.format, picture.width) == ("PNG", 900)
            assert picture.height > 400  # nine gates: two rows
        assert 10_000 < path.stat().st_size < 60_000
    assert not np.array_equal(pixels(folder / "pictures/one.png"), pixels(folder / "pictures/two.png"))


def test_gates_are_in_their_colour(folder: Path) -> None:
    """Vermilion lines, near enough after the palette: at least one column or row of them in each panel drawn."""
    picture = pixels(folder / "pictures/one.png")
    lines = np.abs(picture - np.array([0xD5, 0x5E, 0x00])).sum(axis=2) < 90
    height, width = lines.shape
    panels = [lines[:, int(width * n / 5) : int(width * (n + 1) / 5)] for n in range(5)]
    counts = [int(half.sum()) for panel in panels for half in (panel[: height // 2], panel[height // 2 :])]
    print("pixels of gates per panel:", counts)
    assert sum(count > 80 for count in counts) == 8  # nine gates, one of them the time range, which is green


def test_same_input_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert draw(folder, tmp_path / "again", "--synthetic") == 0
    for name in ("one.png", "two.png"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / "pictures" / name).read_bytes()


def test_mark_of_simulated_data_is_there_when_asked_for(folder: Path, tmp_path: Path) -> None:
    """Ink in the title's line, right of the file's name: there with the mark, paper without."""
    assert draw(folder, tmp_path) == 0
    marked, plain = pixels(folder / "pictures/one.png"), pixels(tmp_path / "one.png")
    assert marked.shape == plain.shape
    title = (slice(0, 20), slice(60, None))
    inked = [int((picture[title].sum(axis=2) < 400).sum()) for picture in (marked, plain)]
    print("dark pixels right of the name:", inked)
    assert inked[0] > 100
    assert inked[1] == 0


def test_folder_is_made_where_no_file_is_readable(tmp_path: Path) -> None:
    """The workflow waits for it."""
    gated(tmp_path, {"gone": tmp_path / "gone.fcs"})
    assert draw(tmp_path, tmp_path / "deep/pictures") == 0
    assert (tmp_path / "deep/pictures").is_dir()
    assert list((tmp_path / "deep/pictures").iterdir()) == []


def test_file_without_any_gate_has_its_picture(tmp_path: Path) -> None:
    """Readable, and nothing could be placed: the report has a picture to show, however empty."""
    gated(tmp_path, {"one": FCS / "S001_W0_nk.fcs"})
    header = (tmp_path / "gates.tsv").read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / "gates.tsv").write_text(header + "\n", encoding="utf-8")
    assert draw(tmp_path, tmp_path / "pictures") == 0
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["one.png"]


def test_wrong_subject(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word.replace("S001", "S002") for word in shared_options(folder)]
    assert main(["draw-gates", *words, f"--gates={folder / 'gates.tsv'}", f"--out={tmp_path / 'x'}"]) == 2
    assert "subject S002, panel nk: found no row" in capsys.readouterr().err
