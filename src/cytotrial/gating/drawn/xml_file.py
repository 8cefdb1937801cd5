"""XML that strangers wrote, read without following it anywhere: no entities, no network, no document type."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import Any

from cytotrial.documents import near_file
from cytotrial.errors import CytotrialError, problem

KINDS = "a FlowJo 10 workspace (.wsp) or a GatingML 2.0 file"


def read_xml(path: Path) -> Any:
    """The root element of an XML file; never to be changed, because the next caller gets the same one.

    Returns
    -------
    lxml.etree._Element

    Raises
    ------
    CytotrialError
        The file is not there, is no XML, or declares a document type. Neither format has one; entities
        that make a small file a huge one, or that name other files, come in nothing else.
    """
    try:
        state = path.stat()
        return _parsed(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        found, remedy = f"no readable file ({error.strerror})", "check the path" + near_file(path)
    except _NotReadable as error:
        found, remedy = str(error), "export it again from the program that made it"
    raise CytotrialError(problem(str(path), found=found, expected=KINDS, remedy=remedy))


class _NotReadable(Exception):
    """What was found in place of plain XML."""


@lru_cache(maxsize=2)
def _parsed(path: Path, changed: int, size: int) -> Any:
    """As `read_xml`; the time of its last change and its size tell a file from what it was before."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        tree = etree.parse(io.BytesIO(path.read_bytes()), parser)
    except etree.XMLSyntaxError as error:
        raise _NotReadable(f"no XML ({' '.join(str(error.msg).split())})") from error
    if tree.docinfo.doctype or tree.docinfo.internalDTD is not None:
        raise _NotReadable("XML with a document type declaration, which can hide anything")
    return tree.getroot()
