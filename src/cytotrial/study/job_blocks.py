"""Which subjects' files one gating job takes: one subject of one panel, or several where the configuration says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cytotrial.study.samples import Sample

PICTURES = "pictures"  # the folder of a panel's pictures, beside those of its jobs


@dataclass(frozen=True)
class Block:
    """One job of each gating verb; `name` is that of its folder of tables."""

    panel: str
    name: str
    subjects: tuple[str, ...]


def job_blocks(samples: Sequence[Sample], subjects_per_job: int = 1) -> tuple[Block, ...]:
    """Every panel's subjects, `subjects_per_job` by `subjects_per_job` in the order of their ids.

    A block of one subject is named after it. A larger one is named after its first and last, so a subject that joins
    the trial moves those behind it to other blocks: they are gated again.
    """
    of_panel: dict[str, set[str]] = {}
    for one in samples:
        of_panel.setdefault(one.panel, set()).add(one.subject_id)
    found = []
    for panel, ids in sorted(of_panel.items()):
        subjects, names = sorted(ids), {PICTURES}
        for start in range(0, len(subjects), subjects_per_job):
            own = tuple(subjects[start : start + subjects_per_job])
            found.append(Block(panel, _name(own, ids, names), own))
            names.add(found[-1].name)
    return tuple(found)


def _name(own: tuple[str, ...], ids: set[str], taken: set[str]) -> str:
    name = own[0] if len(own) == 1 else f"{own[0]}_to_{own[-1]}"
    while name in taken or (name in ids and own != (name,)):  # somebody may be called that
        name += "_"
    return name
