"""A matplotlib figure as inline SVG: same bytes for the same figure, colours that follow the page's theme."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import matplotlib.style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Colours of the light theme; each is written as a CSS variable with itself as the fall-back, so that a
# page can offer a dark theme and the picture still stands alone. Arms: Okabe and Ito's palette, which
# stays apart for colour-blind eyes (Wong, Nature Methods 2011, doi:10.1038/nmeth.1618).
COLOURS = {
    "ink": "#20262d",
    "muted": "#5f6b78",
    "rule": "#c9d1d9",
    "shade": "#eef1f5",
    "paper": "#fefefe",
    "warning": "#9a4a00",
    "stands": "#c4e6da",
    "fragile": "#fbdc94",
    "fails": "#f3aba2",
    "arm-1": "#0072b2",
    "arm-2": "#d55e00",
    "arm-3": "#009e73",
    "arm-4": "#cc79a7",
    "arm-5": "#8a6d00",
    "arm-6": "#56b4e9",
}
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small, searchable, in the page's own font
    "svg.hashsalt": "cytotrial",
    "path.simplify": False,
    "font.size": 8.0,
    "text.color": COLOURS["ink"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.edgecolor": COLOURS["rule"],
    "axes.linewidth": 0.8,
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
}
_LONG_DECIMAL = re.compile(r"-?\d+\.\d{3,}")
_COLOUR = re.compile("|".join(COLOURS.values()), re.IGNORECASE)
_VARIABLE = {value: f"var(--{name}, {value})" for name, value in COLOURS.items()}


@contextmanager
def drawing_style() -> Iterator[None]:
    """Matplotlib's defaults plus the house style, whatever the user's own ``matplotlibrc`` says."""
    with matplotlib.style.context(["default", _STYLE]):
        yield


def inline_svg(figure: Figure, *, name: str, label: str, titles: Mapping[str, str] | None = None) -> str:
    """`figure` as one ``<svg>`` element for an HTML page.

    Call it inside :func:`drawing_style`. Coordinates are rounded to 0.01 point.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str
        Put before every id of the element, so that several pictures share a page.
    label : str
        What the picture shows, for readers who do not see it.
    titles : mapping, optional
        An artist's ``gid`` to the words that show when it is pointed at.
    """
    stream = io.StringIO()
    FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None})
    text = stream.getvalue()
    body = text[text.index(">", text.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # Its style sheet would reach every element of the page; the same rules go on the root element.
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = _own_ids(body, name)
    body = _LONG_DECIMAL.sub(_two_decimals, body)
    body = _COLOUR.sub(lambda match: _VARIABLE[match.group().lower()], body)
    body = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1", body)  # the family is the page's
    body = re.sub(r"font-family: [^;\"]+(?:; )?", "", body)
    body = re.sub(r' transform="rotate\(-?0 [^"]*"', "", body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    for gid, words in (titles or {}).items():  # last, so that no number in them is rounded
        start = f'<g id="{_prefix(name)}-{gid}">'
        body = body.replace(start, f"{start}<title>{html.escape(words)}</title>", 1)
    width, height = figure.get_size_inches() * 72
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(label)}" '
        f'style="stroke-linejoin:round;stroke-linecap:butt">{body.strip()}'
    )


def _own_ids(body: str, name: str) -> str:
    prefix = _prefix(name)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(?:xlink:)?href="#', f'href="#{prefix}-', body)
    return body.replace("url(#", f"url(#{prefix}-")


def _prefix(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _two_decimals(match: re.Match[str]) -> str:
    text = f"{float(match.group()):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
