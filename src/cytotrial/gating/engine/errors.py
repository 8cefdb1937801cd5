"""Why the engine hands a file on."""


class UncompilableError(Exception):
    """A gate of a kind that is left to FlowKit; the text says which and why."""


class AmbiguousEventError(Exception):
    """An event lies so near to an edge that the last digits of its compensation decide: FlowKit's own must be taken."""
