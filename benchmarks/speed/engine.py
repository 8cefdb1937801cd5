"""This package's own gating of some files, as a whole process: ``python -m benchmarks.speed.engine FILE ...``."""

from __future__ import annotations

from benchmarks.speed.answers import Counts, asked, say, write_membership
from benchmarks.speed.gates import CHANNELS, gate_tree
from cytotrial.cytometry.event_blocks import open_events
from cytotrial.gating.engine.run import gate_events


def main() -> None:
    """Gate file by file and say what was counted."""
    arguments = asked()
    tree = gate_tree()
    counts: Counts = {}
    for path in arguments.files:
        events = open_events(path)
        assert events.names == CHANNELS, events.names
        found = gate_events(events, events.names, tree, membership=arguments.membership is not None)
        counts[path.name] = {key[-1]: number for key, number in found.counts[0].items()}
        if arguments.membership:
            members = {key[-1]: inside for key, inside in found.membership.items()}
            write_membership(arguments.membership, path, members)
    say(counts)


if __name__ == "__main__":
    main()
