"""The verb `simulate`: write a synthetic trial whose truth is known."""

from __future__ import annotations

import argparse
from pathlib import Path

import cytotrial
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.simulate.parameters import DEFAULT_PROFILE, PANELS, PROFILES, TRIALS, cytometer_of, trial_data
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits
from cytotrial.simulate.trial.write import write_trial


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cytotrial simulate`."""
    parser.add_argument("--trial", choices=TRIALS, required=True, help="which trial's parameters to use")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, required=True, help="same seed, same bytes")
    parser.add_argument("--subjects-per-arm", type=int, help="default: the trial's own number")
    parser.add_argument("--visits", help="ids with commas, as W0,W10; default: all of the trial's")
    parser.add_argument("--events", type=int, help="events per FCS file; default: the trial's own numbers")
    parser.add_argument(
        "--missing",
        type=float,
        help="probability of no sample at a later visit; default: the profile's, whose dropout stays",
    )
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default=DEFAULT_PROFILE,
        help="the laboratory, and what is done to the trial to test its analysis; default: %(default)s",
    )
    parser.add_argument("--cores", type=int, default=1, help="processes; does not change a byte")
    layout = parser.add_mutually_exclusive_group()
    layout.add_argument("--gating", type=Path, help="folder of the gating strategies to copy into the trial")
    layout.add_argument(
        "--bundled",
        action="store_true",
        help="FCS files, sheets and truth only, paths from the repository root: how resources/demo is made",
    )


def run(arguments: argparse.Namespace) -> None:
    """Check every option, then write the trial.

    Raises
    ------
    CytotrialError
        An option cannot be; all that cannot are named.
    """
    mistakes = _wrong_numbers(arguments) + _wrong_visits(arguments) + _wrong_folder(arguments)
    gating = None if arguments.bundled else _gating_folder(arguments.gating)
    if gating is not None:
        mistakes += _lacking_strategies(gating)
    if mistakes:
        raise CytotrialError(mistakes)
    plan = TrialPlan(
        trial=arguments.trial,
        profile=arguments.profile,
        seed=arguments.seed,
        subjects_per_arm=arguments.subjects_per_arm or trial_data(arguments.trial)["subjects_per_arm"],
        visits=known_visits(arguments.trial, tuple(arguments.visits.split(",")) if arguments.visits else None),
        events=dict.fromkeys(PANELS, arguments.events) if arguments.events else {},
        missing=arguments.missing,
    )
    texts = gating and _strategies(gating)
    try:
        write_trial(arguments.out, plan=plan, gating=texts, cores=arguments.cores)
    except OSError as error:
        raise CytotrialError(
            problem(
                f"--out {arguments.out}",
                found=str(error),
                expected="a folder that can be written",
                remedy="give another path, or make room",
            )
        ) from error


def _gating_folder(given: Path | None) -> Path:
    """The folder asked for, else the one of the checkout this package is run from."""
    return given or Path(cytotrial.__file__).resolve().parents[2] / "config" / "gating"


def _strategies(folder: Path) -> dict[str, str]:
    try:
        return {panel: (folder / f"{panel}.yaml").read_text(encoding="utf-8") for panel in PANELS}
    except (OSError, UnicodeDecodeError) as error:
        raise CytotrialError(
            problem(
                f"--gating {folder}",
                found=str(error),
                expected="gating strategies that can be read, UTF-8",
                remedy="mend the file",
            )
        ) from error


def _wrong_folder(arguments: argparse.Namespace) -> list[str]:
    mistakes = []
    if arguments.bundled and arguments.trial != "demo":
        mistakes.append(
            problem(
                "--bundled",
                found=f"--trial {arguments.trial}",
                expected="--trial demo",
                remedy="leave one out",
            )
        )
    if arguments.bundled and cytometer_of(arguments.profile) != cytometer_of(DEFAULT_PROFILE):
        mistakes.append(
            problem(
                "--bundled",
                found=f"--profile {arguments.profile}, another instrument",
                expected="one whose channels the bundled panels name",
                remedy="leave one out",
            )
        )
    there = [name for name in ("config", "fcs", "labels", "truth.tsv") if (arguments.out / name).exists()]
    if there and not arguments.bundled:
        mistakes.append(
            problem(
                f"--out {arguments.out}",
                found=f"{', '.join(there)} there already",
                expected="a folder without a trial",
                remedy="give another path, or remove them",
            )
        )
    if any(place.exists() and not place.is_dir() for place in (arguments.out, *arguments.out.parents)):
        mistakes.append(
            problem(f"--out {arguments.out}", found="a file", expected="a folder", remedy="give another path")
        )
    return mistakes


def _lacking_strategies(folder: Path) -> list[str]:
    return [
        problem(
            f"--gating {folder}",
            found=f"no {panel}.yaml",
            expected="one gating strategy per panel",
            remedy="give the folder config/gating of a cytotrial checkout",
        )
        for panel in PANELS
        if not (folder / f"{panel}.yaml").is_file()
    ]


def _wrong_numbers(arguments: argparse.Namespace) -> list[str]:
    smallest = {"--seed": 0, "--subjects-per-arm": 1, "--events": 1, "--cores": 1}
    given = {option: getattr(arguments, option.strip("-").replace("-", "_")) for option in smallest}
    mistakes = [
        problem(option, found=str(value), expected=f"a whole number from {smallest[option]}", remedy="change it")
        for option, value in given.items()
        if value is not None and value < smallest[option]
    ]
    if arguments.missing is not None and not 0.0 <= arguments.missing < 1.0:
        mistakes.append(problem("--missing", found=str(arguments.missing), expected="0 to below 1", remedy="change it"))
    return mistakes


def _wrong_visits(arguments: argparse.Namespace) -> list[str]:
    if arguments.visits is None:
        return []
    known = [visit for visit, _ in known_visits(arguments.trial)]
    baseline = trial_data(arguments.trial)["trial"]["baseline"]
    wanted = arguments.visits.split(",")
    mistakes = [
        problem(
            "--visits",
            found=f"{visit!r}",
            expected=f"visits of {arguments.trial} ({', '.join(known)})",
            remedy=f"mend the id{did_you_mean(visit, known)}",
        )
        for visit in wanted
        if visit not in known
    ]
    if baseline not in wanted:
        mistakes.append(
            problem(
                "--visits",
                found=f"no {baseline}",
                expected="the baseline among them",
                remedy=f"add {baseline}",
            )
        )
    return mistakes
