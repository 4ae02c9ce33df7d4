"""One look for all pictures: dark, large type, labels on the lines; for a chat on a phone.

Safe in any thread: it uses no pyplot.
"""

import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BACKGROUND, TEXT, GRID = "#1e1f22", "#dcddde", "#44474d"
# Okabe and Ito's colours, which colour-blind readers can tell apart
ORANGE, SKY, GREEN, YELLOW, RED, PURPLE = "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7"
SERIES = (ORANGE, SKY, GREEN, YELLOW, PURPLE, RED)
DPI = 100
LOG_RANGE = 20.0  # largest over smallest loss, from which the axis is logarithmic

Points = Sequence[tuple[float, float]]


def new_figure(title: str, size: tuple[float, float]) -> Figure:
    """Return an empty figure, with a title unless that is empty; `size` is in inches of 100 pixels."""
    figure = Figure(figsize=size, dpi=DPI, facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, color=TEXT, fontsize=20, fontweight="bold")
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor=BACKGROUND)
    return picture.getvalue()


def style(axes: Axes) -> None:
    """Give a panel its colours, grid and type size."""
    axes.set_facecolor(BACKGROUND)
    axes.tick_params(colors=TEXT, labelsize=15)
    axes.grid(color=GRID, linewidth=0.8)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID)


def heading(axes: Axes, text: str) -> None:
    """Write what a panel shows above it."""
    axes.set_title(text, loc="left", color=TEXT, fontsize=17)


def scale_loss(axes: Axes, losses: Iterable[float]) -> bool:
    """Make a loss axis logarithmic where the losses differ that much; say whether it is."""
    known = [loss for loss in losses if math.isfinite(loss) and loss > 0]
    if not known or max(known) <= LOG_RANGE * min(known):
        return False
    axes.set_yscale("log")
    return True


def line(axes: Axes, points: Points, color: str, label: str, marker: str = "", place: str = "center") -> None:
    """Draw a series with its name beside its last point; a single point is drawn as a dot."""
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    if not finite:
        return
    steps, values = zip(*finite, strict=True)
    dot = marker or ("o" if len(finite) == 1 else "")
    axes.plot(steps, values, color=color, linewidth=2.8, marker=dot, markersize=7)
    annotate(axes, label, (steps[-1], values[-1]), color, va=place, annotation_clip=False)


def annotate(axes: Axes, text: str, point: tuple[float, float], color: str, **where: Any) -> None:
    """Write beside a point."""
    options: dict[str, Any] = {"xytext": (8, 0), "textcoords": "offset points", "fontsize": 16, "fontweight": "bold"}
    axes.annotate(text, point, color=color, **options | where)
