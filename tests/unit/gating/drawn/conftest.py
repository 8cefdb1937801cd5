"""What tests of drawn gates share: a small FCS file, and workspaces and GatingML files written element by element."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest

from cytotrial.cytometry.panel import MarkerRule, Panel

NAMESPACE = "http://www.isac-net.org/std/Gating-ML/v2.0/"
NAMESPACES = (
    f'xmlns:gating="{NAMESPACE}gating" xmlns:transforms="{NAMESPACE}transformations" '
    f'xmlns:data-type="{NAMESPACE}datatypes"'
)
CHANNELS = ("FSC-A", "SSC-A", "FITC-A", "PE-A", "APC-A", "Time")
SPILL = np.array([[1.0, 0.2, 0.0], [0.05, 1.0, 0.1], [0.0, 0.0, 1.0]])  # row spills into column
Limits = tuple[float | None, float | None]


class Wsp:
    """A FlowJo workspace in pieces: gates in samples in a file, as FlowJo 10 writes them and no more of it."""

    @staticmethod
    def gate(name: str, shape: str, *below: str, count: int = -1) -> str:
        """A population with its gate and those below it."""
        under = f"<Subpopulations>{''.join(below)}</Subpopulations>" if below else ""
        head = f'<Population name={quoteattr(name)} owningGroup="" count="{count}">'
        return f"{head}<Gate>{shape}</Gate>{under}</Population>"

    @staticmethod
    def dimension(channel: str, low: float | None = None, high: float | None = None) -> str:
        """A channel with its limits, in linear units."""
        limits = "".join(
            f' gating:{side}="{value!r}"' for side, value in (("min", low), ("max", high)) if value is not None
        )
        name = f"<data-type:fcs-dimension data-type:name={quoteattr(channel)}/>"
        return f"<gating:dimension{limits}>{name}</gating:dimension>"

    @classmethod
    def rectangle(
        cls, name: str, sides: Mapping[str, Limits], *below: str, outside: bool = False, count: int = -1
    ) -> str:
        """A rectangle or range."""
        inside = "".join(cls.dimension(channel, *limits) for channel, limits in sides.items())
        shape = f'<gating:RectangleGate eventsInside="{int(not outside)}">{inside}</gating:RectangleGate>'
        return cls.gate(name, shape, *below, count=count)

    @classmethod
    def polygon(cls, name: str, pair: Sequence[str], points: Sequence[Sequence[float]], *below: str) -> str:
        """A polygon; its points in linear units."""
        inside = "".join(cls.dimension(channel) for channel in pair) + "".join(map(_vertex, points))
        return cls.gate(name, f'<gating:PolygonGate eventsInside="1">{inside}</gating:PolygonGate>', *below)

    @classmethod
    def ellipse(
        cls, name: str, pair: Sequence[str], foci: Sequence[Sequence[float]], edge: Sequence[Sequence[float]]
    ) -> str:
        """An ellipse; its points in FlowJo's 256 bins."""
        inside = "".join(cls.dimension(channel) for channel in pair)
        inside += f"<gating:foci>{''.join(map(_vertex, foci))}</gating:foci>"
        inside += f"<gating:edge>{''.join(map(_vertex, edge))}</gating:edge>"
        return cls.gate(name, f'<gating:EllipsoidGate eventsInside="1">{inside}</gating:EllipsoidGate>')

    @staticmethod
    def boolean(node: str, name: str, *of: str) -> str:
        """An ``AndNode``, ``OrNode`` or ``NotNode`` of the gates at these paths."""
        parts = "".join(f"<Dependent name={quoteattr(path)}/>" for path in of)
        return f'<{node} name={quoteattr(name)} owningGroup="" count="-1"><Dependents>{parts}</Dependents></{node}>'

    @staticmethod
    def sample(
        name: str, *gates: str, scales: Mapping[str, str] | None = None, matrix: np.ndarray | None = None
    ) -> str:
        """A sample; `scales` are elements by channel (biexponential where nothing is said), `matrix` on the colours."""
        colours = CHANNELS[2:5]
        written = {**{f"Comp-{one}" if matrix is not None else one: BIEX for one in colours}, **(scales or {})}
        parameter = '<data-type:parameter data-type:name="{}"/>'
        transforms = "".join(element.format(parameter.format(channel)) for channel, element in written.items())
        return (
            f'<Sample><DataSet uri="file:/data/{name}" sampleID="1"/>{_spillover(matrix, colours)}'
            f"<Transformations>{transforms}</Transformations><Keywords/>"
            f'<SampleNode name={quoteattr(name)} owningGroup="" count="-1" sampleID="1">'
            f"<Subpopulations>{''.join(gates)}</Subpopulations></SampleNode></Sample>"
        )

    @staticmethod
    def file(*samples: str, version: str = "10.8.1") -> str:
        """The whole workspace."""
        head = f'<Workspace version="20.0" flowJoVersion="{version}" {NAMESPACES}>'
        return f'<?xml version="1.0"?>{head}<Groups/><SampleList>{"".join(samples)}</SampleList></Workspace>'


BIEX = (
    '<transforms:biex transforms:length="256" transforms:maxRange="262144" transforms:neg="0" transforms:width="-100" '
    'transforms:pos="4.418539922">{}</transforms:biex>'
)


def _vertex(point: Sequence[float]) -> str:
    both = "".join(f'<gating:coordinate data-type:value="{value!r}"/>' for value in point)
    return f"<gating:vertex>{both}</gating:vertex>"


def _spillover(matrix: np.ndarray | None, colours: Sequence[str]) -> str:
    if matrix is None:
        return ""
    names = "".join(f'<data-type:parameter data-type:name="{one}"/>' for one in colours)
    rows = "".join(
        f'<transforms:spillover data-type:parameter="{colour}">'
        + "".join(
            f'<transforms:coefficient data-type:parameter="{other}" transforms:value="{float(value)!r}"/>'
            for other, value in zip(colours, row, strict=True)
        )
        + "</transforms:spillover>"
        for colour, row in zip(colours, matrix, strict=True)
    )
    return (
        '<transforms:spilloverMatrix spectral="0" prefix="Comp-" suffix="" name="edited">'
        f"<data-type:parameters>{names}</data-type:parameters>{rows}</transforms:spilloverMatrix>"
    )


@pytest.fixture(scope="session")
def wsp() -> type[Wsp]:
    """`Wsp`."""
    return Wsp


@pytest.fixture(scope="session")
def gatingml() -> Callable[..., str]:
    """A GatingML file around its elements."""

    def make(*elements: str) -> str:
        return f'<?xml version="1.0"?><gating:Gating-ML {NAMESPACES}>{"".join(elements)}</gating:Gating-ML>'

    return make


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Path]:
    """Text -> a file of the test's folder: ``written("a.wsp", text)``."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def events() -> np.ndarray:
    """3,000 events on `CHANNELS`, linear and uncompensated: two colours with two populations each, negatives too."""
    rng = np.random.default_rng(7)
    n = 3000
    bright = 10.0 ** rng.normal(3.6, 0.25, (n, 3))
    dim = rng.normal(100.0, 150.0, (n, 3))
    colours = np.where(rng.random((n, 3)) < 0.4, bright, dim) @ SPILL
    scatter = rng.normal((90_000, 30_000), (15_000, 6_000), (n, 2))
    return np.column_stack([scatter, colours, np.arange(n)]).astype("f4")


@pytest.fixture
def fcs(make_fcs: Callable[..., Path], events: np.ndarray) -> Callable[..., Path]:
    """Those events as an FCS file with its own matrix: ``fcs("a.fcs", fil="b.fcs")``."""

    def make(name: str = "tube.fcs", *, fil: str = "written.fcs", **keywords: str | None) -> Path:
        spill = ",".join(["3", *CHANNELS[2:5], *(repr(float(value)) for value in SPILL.ravel())])
        return make_fcs(events, CHANNELS, name=name, keywords={"$FIL": fil, "$SPILLOVER": spill, **keywords})

    return make


@pytest.fixture(scope="session")
def compensated(events: np.ndarray) -> dict[str, np.ndarray]:
    """Channel -> its compensated values, worked out here."""
    values = events.astype(float)
    values[:, 2:5] = values[:, 2:5] @ np.linalg.inv(SPILL)
    return dict(zip(CHANNELS, values.T, strict=True))


@pytest.fixture(scope="session")
def panel() -> Panel:
    """CD4 and CD8 by their channels, and a marker that no file has."""
    rules = {"CD4": MarkerRule("FITC-A", None, False), "CD8": MarkerRule("PE-A", None, False)}
    return Panel({**rules, "CD99": MarkerRule("BV421-A", None, False)}, {}, None, "fcs")
