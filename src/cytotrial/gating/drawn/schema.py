"""A GatingML file held against the schema that FlowKit holds it against, without importing FlowKit. Light."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cytotrial.errors import problem
from cytotrial.gating.drawn.contents import GATINGML, Contents
from cytotrial.gating.drawn.xml_file import read_xml

MOST = 3  # one slip makes the validator complain of all that follows it


def schema_problems(contents: Contents) -> list[str]:
    """Where a GatingML file is not what GatingML 2.0 allows; FlowKit reads nothing else. None for a workspace."""
    if contents.kind != GATINGML:
        return []
    schema = _schema()
    if schema.validate(read_xml(contents.file)):
        return []
    return [
        problem(
            f"{contents.file}, line {error.line}",
            found=re.sub(r"\{[^}]*\}", "", " ".join(error.message.split())).rstrip("."),
            expected="GatingML 2.0",
            remedy="export it again from the program that made it",
        )
        for error in list(schema.error_log)[:MOST]
    ]


@cache
def _schema() -> Any:
    from lxml import etree

    package = find_spec("flowkit")  # finds it, does not import it: that would take 1.7 s
    if package is None or package.origin is None:
        raise ModuleNotFoundError("flowkit")
    return etree.XMLSchema(etree.parse(Path(package.origin).parent / "_resources" / "Gating-ML.v2.0.xsd"))
