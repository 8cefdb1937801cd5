"""How a laboratory writes its FCS files: version, byte order, numbers, spillover keyword and the habits of ``$PnS``."""

from __future__ import annotations

from dataclasses import dataclass, fields

VERSIONS = ("2.0", "3.0", "3.1")
BYTE_ORDERS = ("big", "little")
DATA_TYPES = ("F", "I")
SPILL_KEYWORDS = ("SPILL", "$SPILLOVER", "SPILLOVER")
LABEL_STYLES = ("marker", "dye - marker", "marker dye", "lower", "spaced")
_CHOICES = {
    "version": VERSIONS,
    "byte_order": BYTE_ORDERS,
    "data_type": DATA_TYPES,
    "spill_keyword": SPILL_KEYWORDS,
    "label_style": LABEL_STYLES,
    "time_first": (False, True),
}

VIABILITY = "viability"  # what the simulator's parameters call the dead cells' dye
_VIABILITY_WORDS = {"dye - marker": "Viability", "marker dye": "Live/Dead"}


def _check(name: str, found: object, choices: tuple[object, ...]) -> None:
    # By type too: 1 equals True, and YAML makes a number of an unquoted 3.0.
    if not any(found == choice and type(found) is type(choice) for choice in choices):
        raise ValueError(f"{name}: found {found!r}, expected one of {', '.join(map(repr, choices))}")


@dataclass(frozen=True)
class FileForm:
    """How a laboratory's software writes its files. The default is a FACSDiva export's.

    Attributes
    ----------
    version : str
        ``2.0``, ``3.0`` or ``3.1``.
    byte_order : str
        ``big`` (FACSDiva) or ``little`` (MACSQuant, Attune).
    data_type : str
        ``F``: 32-bit floats, values as they are. ``I``: 32-bit unsigned integers, which hold no negative value and
        no fraction: values are clipped to 0 ... ``$PnR`` - 1 and rounded.
    spill_keyword : str
        ``SPILL`` (FACSDiva), ``$SPILLOVER`` (the 3.1 standard) or ``SPILLOVER``.
    label_style : str
        How ``$PnS`` is written: see `label`.
    time_first : bool
        Whether Time is the first channel; else it is the last.

    Raises
    ------
    ValueError
        A field holds what no file has; the text names field, value and what is expected.
    """

    version: str = "3.0"
    byte_order: str = "big"
    data_type: str = "F"
    spill_keyword: str = "SPILL"
    label_style: str = "marker"
    time_first: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name), _CHOICES[field.name])


FACSDIVA = FileForm()


def label(markers: tuple[str, ...], dye: str, style: str) -> str:
    """The ``$PnS`` of a channel.

    Parameters
    ----------
    markers : tuple of str
        What the channel shows; several for a dump channel.
    dye : str
        What it is stained with: ``APC-Cy7``, or ``Aqua`` for viability. Two of the styles leave it out.
    style : str
        One of `LABEL_STYLES`.

    Raises
    ------
    ValueError
        The style is unknown, or the label would lack its marker or its dye.

    Notes
    -----
    A panel file finds a marker by a pattern such as ``\\bCD25\\b``, without regard to case. No style joins words by an
    underscore, next to which there is no ``\\b``. Viability goes by three names, as it does among laboratories, so a
    panel file meant for all of them asks for ``viability|live.?dead``.

    Examples
    --------
    >>> [label(("CD3",), "APC-Cy7", style) for style in LABEL_STYLES]
    ['CD3', 'APC-Cy7 - CD3', 'CD3 APC-Cy7', 'cd3', ' CD3 ']
    >>> [label(("CD19", "CD14"), "PerCP", style) for style in LABEL_STYLES[:3]]
    ['CD19+CD14', 'PerCP - CD19 / CD14', 'CD19+CD14 PerCP']
    >>> [label(("viability",), "Aqua", style) for style in LABEL_STYLES[:3]]
    ['viability', 'Aqua - Viability', 'Live/Dead Aqua']
    """
    _check("label_style", style, LABEL_STYLES)
    words = [_VIABILITY_WORDS.get(style, VIABILITY) if marker == VIABILITY else marker for marker in markers]
    named = [*words, dye] if style in _VIABILITY_WORDS else words
    if not words or not all(word.strip() for word in named):
        raise ValueError(f"label: found markers {markers!r} and dye {dye!r}, expected words for the style {style!r}")
    if style == "dye - marker":
        return f"{dye} - {' / '.join(words)}"
    joined = "+".join(words)
    return {"marker dye": f"{joined} {dye}", "lower": joined.lower(), "spaced": f" {joined} "}.get(style, joined)
