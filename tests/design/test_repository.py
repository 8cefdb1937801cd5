"""What the repository may not hold: paths of somebody's machine, addresses of a registry; pins that differ."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BINARY = {".fcs", ".png", ".gz", ".zip", ".rds"}
# Put together from pieces, so that this file does not hold what it looks for.
FOLDERS = ("ho" + "me", "Us" + "ers", "ro" + "ot", "wo" + "rk", "wor" + "kspace", "m" + "nt", "bui" + "lds")
MACHINE = re.compile(
    r"(?<![\w.~)}\]>*/-])/(?:"
    + "|".join(FOLDERS)
    + r")/[A-Za-z0-9_.]|\b[A-Z]:\\\\?(?:Us"
    + r"ers|Windows)|/t"
    + r"mp/\w"
)
REGISTRY = re.compile(
    "|".join(
        re.escape(host)
        for host in (
            "pypi" + ".org",
            "python" + "hosted.org",
            "anaconda" + ".org",
            "anaconda" + ".com/",
            "artifact" + "ory",
            "nexus" + "/repository",
            "npmjs" + ".",
            "index" + "-url http",
            "extra-index" + "-url",
        )
    ),
    flags=re.IGNORECASE,
)
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")


@pytest.fixture(scope="module")
def files(checkout):
    """Every text file that is, or by ``git add`` would be, in the repository."""
    if not (checkout / ".git").exists():
        pytest.skip("not a git checkout: which files belong to the project cannot be told")
    line = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(line, cwd=checkout, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [checkout / name for name in listed if name]
    texts = {p.relative_to(checkout).as_posix(): p for p in paths if p.is_file() and p.suffix not in BINARY}
    return {name: path.read_text(encoding="utf-8") for name, path in texts.items()}


def hits(pattern, files):
    return [
        f"{name}:{number}: {match[0]}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if (match := pattern.search(line))
    ]


def test_no_path_of_somebodys_machine(files):
    print(f"{len(files)} text files read")
    assert len(files) > 100
    assert hits(MACHINE, files) == []


def test_no_address_of_a_registry(files):
    assert hits(REGISTRY, files) == []


def test_the_patterns_find_what_they_are_for():
    for text in ("/ho" + "me/ann/x", "see /wo" + "rk/main", '"/t' + 'mp/x"', "C:\\Us" + "ers", "C:\\\\Us" + "ers\\\\a"):
        assert MACHINE.search(text), text
    for text in ("results/wo" + "rk/nk", "/wo" + "rk", "~/ho" + "me/x", "a/ho" + "me/b", "{x}/wo" + "rk/y"):
        assert not MACHINE.search(text), text
    for text in ("https://pypi" + ".org/simple", "files.python" + "hosted.org", "--index" + "-url https://x"):
        assert REGISTRY.search(text), text
    assert not REGISTRY.search("channels: conda-forge; uv pip compile --no-emit-index" + "-url --extra build")


@pytest.fixture(scope="module")
def project(checkout):
    return tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lock_entries(text):
    """The lines of each pin, continued lines put together."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    return [(PIN.match(line), line) for line in lines]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_lock_pins_with_hashes_and_without_an_address(name, checkout):
    text = (checkout / name).read_text(encoding="utf-8")
    assert "http" not in text
    entries = lock_entries(text)
    print(f"{name}: {len(entries)} pins")
    assert len(entries) > 50
    for pin, line in entries:
        assert pin, f"not a pin: {line[:80]}"
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", line)) >= 1, f"no hash: {line[:80]}"


@pytest.mark.parametrize(
    ("name", "extras"), [("requirements.lock", ["build"]), ("requirements-test.lock", ["build", "test", "cluster"])]
)
def test_lock_holds_what_the_project_asks_for(name, extras, checkout, project):
    pinned = {}
    for pin, _ in lock_entries((checkout / name).read_text(encoding="utf-8")):
        pinned.setdefault(canonicalize_name(pin[1]), []).append(pin[2])
    asked = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    for requirement in map(Requirement, asked):
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement} is not in {name}: make lock"
        assert all(requirement.specifier.contains(version) for version in versions), (str(requirement), versions)


def test_conda_environment_asks_for_what_the_project_asks_for(checkout, project):
    """Snakemake aside: it is what makes the environment."""
    text = (checkout / "workflow/envs/cytotrial.yaml").read_text(encoding="utf-8")
    listed = yaml.safe_load(text)["dependencies"]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    wanted = [one for one in project["dependencies"] if Requirement(one).name != "snakemake"]
    assert sorted(map(str, map(Requirement, pip))) == sorted(map(str, map(Requirement, wanted)))
    assert f"python {project['requires-python']}" in listed
