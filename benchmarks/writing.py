"""How fast a simulated trial is written, beside the bare disk: ``python -m benchmarks.writing``."""

from __future__ import annotations

import argparse
import logging
import os
import resource
import tempfile
import time
from pathlib import Path

from cytotrial.simulate.parameters import DEFAULT_PROFILE, PROFILES, trial_data
from cytotrial.simulate.trial.plan import plan_samples
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits
from cytotrial.simulate.trial.write import write_trial

MEGABYTE = 1e6
KIBIBYTE = 1024


def main() -> None:
    """Write a he2020 trial on one core and on `--cores`, then the same bytes without simulating; print the rates."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writing", description=__doc__)
    whole = trial_data("he2020")["subjects_per_arm"]
    parser.add_argument("--subjects-per-arm", type=int, default=2, help=f"of {whole} in the whole trial")
    parser.add_argument("--profile", choices=PROFILES, default=DEFAULT_PROFILE)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    plan = TrialPlan("he2020", 1, arguments.subjects_per_arm, known_visits("he2020"), profile=arguments.profile)
    with tempfile.TemporaryDirectory() as folder:
        n_files = len(plan_samples(plan))
        size, one = timed_trial(Path(folder) / "one", plan, cores=1)
        _, several = timed_trial(Path(folder) / "several", plan, cores=arguments.cores)
        disk = bare_write(Path(folder) / "bare", n_files, size)
    print(f"he2020, profile {plan.profile}: {n_files} FCS files, {size / MEGABYTE:.0f} MB, SYNTHETIC")
    print(f"one core            {one:7.1f} s {size / MEGABYTE / one:7.1f} MB/s")
    rate = size / MEGABYTE / several
    print(
        f"{arguments.cores} cores             {several:7.1f} s {rate:7.1f} MB/s, {rate / arguments.cores:.1f} per core"
    )
    print(f"the disk alone      {disk:7.1f} s {size / MEGABYTE / disk:7.1f} MB/s, synced")
    print(f"writing over disk   {one / disk:7.1f} x on one core, {several / disk:.1f} x on {arguments.cores}")
    print(f"peak memory         {peak_memory():7.0f} MB in the largest process")
    all_files = len(plan_samples(TrialPlan("he2020", 1, whole, known_visits("he2020"), profile=arguments.profile)))
    print(
        f"whole trial         {several * all_files / n_files:7.0f} s for {all_files} files on {arguments.cores} cores"
    )


def timed_trial(out: Path, plan: TrialPlan, *, cores: int) -> tuple[int, float]:
    """Bytes of FCS and seconds, sheets and truth included; made durable at the end."""
    start = time.perf_counter()
    write_trial(out, plan=plan, gating={"treg": "-", "nk": "-"}, cores=cores)
    os.sync()
    taken = time.perf_counter() - start
    return sum(path.stat().st_size for path in (out / "fcs").iterdir()), taken


def bare_write(folder: Path, n_files: int, size: int) -> float:
    """Seconds for as many files of as many random bytes."""
    folder.mkdir()
    content = os.urandom(size // n_files)
    start = time.perf_counter()
    for number in range(n_files):
        with (folder / str(number)).open("wb") as stream:
            stream.write(content)
    os.sync()
    return time.perf_counter() - start


def peak_memory() -> float:
    """Of this process and its children, the largest, MB."""
    usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usage) * KIBIBYTE / MEGABYTE


if __name__ == "__main__":
    main()
