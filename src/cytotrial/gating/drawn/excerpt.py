"""The part of a workspace or GatingML file that some gates of one sample need, as a file of its own.

FlowKit reads a file whole, and one gate or scale that it does not support, in any sample, stops it; of an
excerpt it reads only what is asked for. Nothing is expressed anew: elements are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from cytotrial.gating.drawn.contents import (
    DATATYPES,
    EVERY_SAMPLE,
    FLOWJO,
    GATING,
    TRANSFORMATIONS,
    Contents,
    GatePath,
    flowjo_gates,
    needed,
)
from cytotrial.gating.drawn.strategy import is_mapped
from cytotrial.gating.drawn.xml_file import read_xml

_GATING_NAMES = ("id", "parent_id", "ref", "divider_ref", "compensation-ref", "transformation-ref")
REFERENCES = (
    *(f"{GATING}{name}" for name in _GATING_NAMES),
    f"{TRANSFORMATIONS}id",
    f"{DATATYPES}transformation-ref",
)


def excerpt(contents: Contents, sample: str, paths: Collection[GatePath]) -> bytes:
    """A workspace or GatingML file with one sample, the gates `paths` and what they stand on."""
    tree = contents.tree(sample)
    kept = {one for path in paths for one in needed(tree, path)}
    if contents.kind == FLOWJO:
        return _workspace(contents, sample, lambda element: _keep_gates(element, (), kept))
    names = {path[-1] for path in kept}
    return _gatingml(contents, names)


def excerpt_of_one(contents: Contents, sample: str, path: GatePath) -> bytes:
    """A file with one gate alone, as if it were drawn on all events."""
    if contents.kind == FLOWJO:
        return _workspace(contents, sample, lambda element: _keep_one(element, path))
    entry = contents.tree(sample)[path]
    own = path[:-1] if entry.kind == "Quadrant" else path
    return _gatingml(contents, {own[-1]}, rooted=True)


def named_excerpt(contents: Contents, ids: Mapping[GatePath, str]) -> bytes:
    """A GatingML file with the gates of `ids` and what they stand on, called by these ids where they are mapped."""
    from lxml import etree

    root = etree.fromstring(excerpt(contents, EVERY_SAMPLE, ids))
    new_of = {path[-1]: name for path, name in ids.items() if is_mapped(name)}
    others = [element.get(f"{GATING}id") or element.get(f"{TRANSFORMATIONS}id") for element in root.iter("{*}*")]
    taken = {name for name in others if name not in new_of} & set(new_of.values())
    new_of |= {name: f"{name}_unmapped" for name in taken}  # one set of ids for all that a file holds
    for element in root.iter("{*}*"):
        for attribute in REFERENCES:
            if element.get(attribute) in new_of:
                element.set(attribute, new_of[element.get(attribute)])
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _workspace(contents: Contents, sample: str, reduce: Any) -> bytes:
    from lxml import etree

    old = read_xml(contents.file)
    root = etree.Element(old.tag, attrib=dict(old.attrib), nsmap=old.nsmap)
    etree.SubElement(root, "Groups")
    samples = etree.SubElement(root, "SampleList")
    for element in old.findall("SampleList/Sample"):
        node = element.find("SampleNode")
        if node is not None and node.get("name") == sample:
            samples.append(deepcopy(element))
            reduce(samples[-1].find("SampleNode"))
            _keep_transforms(samples[-1])
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _keep_gates(parent: Any, above: GatePath, kept: Collection[GatePath]) -> None:
    for element in list(flowjo_gates(parent)):
        path = (*above, str(element.get("name", "")))
        if path in kept:
            _keep_gates(element, path, kept)
        else:
            element.getparent().remove(element)


def _keep_one(node: Any, path: GatePath) -> None:
    """Hang one gate, without those below it, directly below the sample."""
    parent, found = node, None
    for name in path:
        found = next(element for element in flowjo_gates(parent) if element.get("name") == name)
        parent = found
    below = node.find("Subpopulations")
    for element in list(below):
        below.remove(element)
    for group in found.findall("Subpopulations"):
        found.remove(group)
    below.append(found)


def _keep_transforms(sample: Any) -> None:
    """Leave out the scales of channels that no gate is on: some kinds stop FlowKit."""
    used = [str(name.get(f"{DATATYPES}name")) for name in sample.iter(f"{DATATYPES}fcs-dimension")]
    for group in sample.findall("Transformations"):
        for transform in list(group):
            names = [str(one.get(f"{DATATYPES}name")) for one in transform.iter(f"{DATATYPES}parameter")]
            # A gate is on Comp-FITC-A, its scale may be listed under FITC-A.
            if not any(name in one for name in names for one in used):
                group.remove(transform)


def _gatingml(contents: Contents, names: Collection[str], *, rooted: bool = False) -> bytes:
    from lxml import etree

    root = deepcopy(read_xml(contents.file))
    for element in list(root):
        name = element.get(f"{GATING}id")
        if name is None or not str(element.tag).endswith("Gate"):
            continue
        if name not in names:
            root.remove(element)
        elif rooted:
            element.attrib.pop(f"{GATING}parent_id", None)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
