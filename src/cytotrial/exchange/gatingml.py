"""A file's gates as GatingML 2.0: with the FCS file alone, any program that reads it gets the same counts."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator

import flowkit as fk

# FlowKit writes an empty <transformation/> for any other, without a word.
WRITTEN = (fk.transforms.LogicleTransform, fk.transforms.AsinhTransform, fk.transforms.LinearTransform)


def gatingml(model: fk.GatingStrategy) -> bytes:
    """The XML document: scales, spillover matrix, gates from parents to children; same model, same bytes.

    Raises
    ------
    ValueError
        The model has no gate, or holds what FlowKit's writer would leave out or get wrong; the text names all of it.

    Notes
    -----
    Spidlen 2015, Gating-ML 2.0, doi:10.1002/cyto.a.22690. A gate's id is its population's. A step of several time
    intervals is one rectangle each and the Boolean gate that joins them.
    """
    unsaid = list(_unsaid(model))
    if unsaid:
        raise ValueError(f"GatingML cannot say this: {'; '.join(unsaid)}")
    document = io.BytesIO()
    fk.export_gatingml(model, document)
    return document.getvalue()


def _unsaid(model: fk.GatingStrategy) -> Iterator[str]:
    for name, transform in model.transformations.items():
        if not isinstance(transform, WRITTEN):
            yield f"the scale {name} ({type(transform).__name__})"
    names = Counter(name for name, _ in model.get_gate_ids())
    if not names:
        yield "no gate at all"
    for name, times in names.items():
        if times > 1:  # ids are the only way that GatingML tells gates apart
            yield f"{times} gates called {name}"
        elif getattr(model.get_gate(name), "use_complement", False):
            yield f"the complement of {name}"
