"""A sweep as one picture: what its validation score does along each key.

One numeric key is a line with intervals, two keys are a heat map, a search has a panel for each key, an ablation has
bars of the difference to its base; everything else is bars, the best first.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

from runner.exercise import Metric
from runner.style import BACKGROUND, GREEN, ORANGE, RED, SKY, TEXT, YELLOW, heading, new_figure, png, style
from runner.sweep import SEED, named, short, shown
from runner.sweep_scores import Cell, difference, matters, ranked

MOST_BARS = 10
MOST_PANELS = 4
LOG_RATIO = 8.0  # largest over smallest value of a key, from which its axis is logarithmic
SIZE = (10.0, 5.6)


def draw(cells: Sequence[Cell], keys: Sequence[str], kind: str, title: str, metric: Metric) -> bytes:
    """Return a PNG of a sweep's cells; of an ablation the first cell is the base. Safe in any thread."""
    figure = new_figure(title, SIZE)
    if kind == "ablation":
        _draw_ablation(_panel(figure), cells, metric)
    elif kind == "search" and len(keys) > 1:
        _draw_panels(figure, cells, keys[:MOST_PANELS], metric)
    elif not keys:
        _draw_seeds(_panel(figure), cells[0], metric)
    elif len(keys) == 1 and _is_numeric(cells, keys[0]):
        _draw_line(_panel(figure), cells, keys[0], metric, joined=kind == "grid")
    elif len(keys) == 2:
        _draw_map(_panel(figure), cells, keys[0], keys[1], metric)
    else:
        _draw_bars(_panel(figure), ranked(cells, metric)[:MOST_BARS], metric)
    return png(figure)


def alt_text(cells: Sequence[Cell], kind: str, metric: Metric) -> str:
    """Return the picture in a sentence or two, for who cannot see it."""
    scored = [cell for cell in ranked(cells, metric) if cell.scores]
    if not scored:
        return "A sweep in which no run came to a score."
    if kind == "ablation":
        parts = [f"{named(_changed(cell, cells[0]))} {_signed(d.mean, metric)}" for cell, d in _against_base(cells)]
        return f"Difference in validation {metric.name} to the base: {'; '.join(parts)}."
    best, worst = scored[0], scored[-1]
    if not best.setting:
        scores = ", ".join(f"{metric.format(score)} with seed {seed}" for seed, score in best.scores.items())
        return f"Validation {metric.name} of one config: {scores}; mean {metric.format(best.mean)}."
    return (
        f"Validation {metric.name} of {len(cells)} settings: "
        f"best {metric.format(best.mean)} with {named(best.setting)}, "
        f"worst {metric.format(worst.mean)} with {named(worst.setting)}."
    )


def _panel(figure: Figure) -> Axes:
    axes: Axes = figure.subplots()
    style(axes)
    return axes


def _is_numeric(cells: Sequence[Cell], key: str) -> bool:
    values = [cell.setting[key] for cell in cells]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _draw_line(axes: Axes, cells: Sequence[Cell], key: str, metric: Metric, joined: bool) -> None:
    """Draw scores over a numeric key, with intervals, and a cross where no run came to a score."""
    scored = sorted((cell for cell in cells if cell.scores), key=lambda cell: cell.setting[key])
    places = [cell.setting[key] for cell in scored]
    axes.errorbar(
        places,
        [cell.mean for cell in scored],
        [_bar(cell) for cell in scored],
        color=SKY,
        linewidth=2.8,
        linestyle="-" if joined else "",
        marker="o",
        markersize=9,
        capsize=6,
    )
    if scored:
        best = ranked(scored, metric)[0]
        axes.plot([best.setting[key]], [best.mean], "o", color=ORANGE, markersize=13, zorder=3)
        _write_best(axes, best, key, places, metric)
    _mark_lost(axes, [cell.setting[key] for cell in cells if not cell.scores])
    _scale_key(axes, [cell.setting[key] for cell in cells], short(key), ticks=joined)
    _scale_score(axes, cells, metric)


def _write_best(axes: Axes, best: Cell, key: str, places: Sequence[float], metric: Metric) -> None:
    """Write the best score beside its point, on the side that has room."""
    right = places.index(best.setting[key]) >= len(places) / 2
    axes.annotate(
        metric.format(best.mean),
        (best.setting[key], best.mean),
        (-14 if right else 14, 12 if metric.higher_is_better else -28),  # where no other point can be
        textcoords="offset points",
        ha="right" if right else "left",
        color=ORANGE,
        fontsize=17,
        fontweight="bold",
    )


def _mark_lost(axes: Axes, places: Sequence[float]) -> None:
    for place in places:
        _cross(axes, place)
        axes.text(place, 0.11, "no score", color=RED, fontsize=15, ha="center", transform=axes.get_xaxis_transform())


def _cross(axes: Axes, place: float) -> None:
    options: dict[str, Any] = {"color": RED, "markersize": 13, "markeredgewidth": 3, "clip_on": False}
    axes.plot([place], [0.06], "x", transform=axes.get_xaxis_transform(), **options)


def _scale_key(axes: Axes, values: Sequence[float], name: str, ticks: bool) -> None:
    """Give a key's axis the scale that suits its values, and its values as ticks where they are few."""
    logarithmic = min(values) > 0 and max(values) >= LOG_RATIO * min(values)
    if logarithmic:
        axes.set_xscale("log")
    if ticks and len(set(values)) <= 7:
        axes.set_xticks(sorted(set(values)), [shown(value) for value in sorted(set(values))])
        axes.xaxis.set_minor_formatter(NullFormatter())
    elif logarithmic:
        narrow = max(values) < 30 * min(values)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,), numticks=8))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(float(value))))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel(f"{name} (logarithmic)" if logarithmic else name, color=TEXT, fontsize=16)
    axes.margins(x=0.08, y=0.18)


def _scale_score(axes: Axes, cells: Sequence[Cell], metric: Metric) -> None:
    """Head a panel whose height is the score; shares end at 0% and 100% however wide an interval is."""
    heading(axes, _what(cells, metric))
    if metric.unit == "%":
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, 0.0), min(high, 1.0))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _what(cells: Sequence[Cell], metric: Metric) -> str:
    score = f"Validation {metric.name} ({metric.unit})"
    return f"{score}, mean over seeds with 95% interval" if any(cell.half for cell in cells) else score


def _bar(cell: Cell) -> float:
    """Return what an error bar is drawn with; without an interval there is none."""
    return math.nan if cell.half is None else cell.half


def _draw_panels(figure: Figure, cells: Sequence[Cell], keys: Sequence[str], metric: Metric) -> None:
    """Draw what a search tried: the score over each key."""
    panels = figure.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    for axes, key in zip(panels, keys, strict=True):
        style(axes)
        values = _values(cells, key)
        numeric = _is_numeric(cells, key)
        places = [cell.setting[key] if numeric else values.index(cell.setting[key]) for cell in cells]
        axes.plot(places, [cell.mean for cell in cells], "o", color=SKY, markersize=9)
        best = ranked(cells, metric)[0]
        axes.plot([places[list(cells).index(best)]], [best.mean], "o", color=ORANGE, markersize=13)
        for place in (place for place, cell in zip(places, cells, strict=True) if not cell.scores):
            _cross(axes, place)
        if numeric:
            _scale_key(axes, places, short(key), ticks=False)
        else:
            axes.set_xticks(range(len(values)), [shown(value) for value in values])
            axes.set_xlabel(short(key), color=TEXT, fontsize=16)
            axes.margins(x=0.25, y=0.18)
    _scale_score(panels[0], cells, metric)
    if any(not cell.scores for cell in cells):
        heading(panels[-1], "✕ no score")


def _draw_seeds(axes: Axes, cell: Cell, metric: Metric) -> None:
    """Draw one setting's seeds, their mean and its interval."""
    seeds = sorted(cell.scores)
    axes.plot(range(len(seeds)), [cell.scores[seed] for seed in seeds], "o", color=SKY, markersize=12)
    if cell.scores:
        axes.axhline(cell.mean, color=ORANGE, linewidth=2.8)
        if cell.half:
            axes.axhspan(cell.mean - cell.half, cell.mean + cell.half, color=ORANGE, alpha=0.18)
    axes.set_xticks(range(len(seeds)), [str(seed) for seed in seeds])
    axes.set_xlabel(short(SEED), color=TEXT, fontsize=16)
    axes.margins(x=0.1, y=0.2)
    _scale_score(axes, [cell], metric)


def _draw_map(axes: Axes, cells: Sequence[Cell], across: str, up: str, metric: Metric) -> None:
    """Draw two keys as a heat map with the scores written in; the best has a frame."""
    columns, rows = _values(cells, across), _values(cells, up)
    grid = np.full((len(rows), len(columns)), math.nan)
    for cell in cells:
        grid[rows.index(cell.setting[up]), columns.index(cell.setting[across])] = cell.mean
    axes.imshow(grid, cmap="cividis" if metric.higher_is_better else "cividis_r", aspect="auto", origin="lower")
    axes.grid(visible=False)
    _write_map(axes, grid, metric)
    best = ranked(cells, metric)[0]
    if best.scores:
        corner = (columns.index(best.setting[across]) - 0.5, rows.index(best.setting[up]) - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ORANGE, linewidth=5, clip_on=False))
    axes.set_xticks(range(len(columns)), [shown(value) for value in columns])
    axes.set_yticks(range(len(rows)), [shown(value) for value in rows])
    axes.set_xlabel(short(across), color=TEXT, fontsize=16)
    axes.set_ylabel(short(up), color=TEXT, fontsize=16)
    heading(axes, f"Validation {metric.name} ({metric.unit})" + ", mean over seeds" * any(cell.half for cell in cells))


def _write_map(axes: Axes, grid: NDArray[np.float64], metric: Metric) -> None:
    """Write each score into its field, dark on bright ones."""
    known = grid[np.isfinite(grid)]
    middle = (known.min() + known.max()) / 2 if known.size else 0.0
    for (row, column), mean in np.ndenumerate(grid):
        bright = (mean > middle) == metric.higher_is_better
        color = RED if math.isnan(mean) else BACKGROUND if bright else TEXT
        axes.text(column, row, _in_cell(mean, metric), ha="center", va="center", color=color, fontsize=17)


def _in_cell(mean: float, metric: Metric) -> str:
    if math.isnan(mean):
        return "no score"
    return f"{100 * mean:.1f}" if metric.unit == "%" else f"{mean:.2f}"


def _values(cells: Sequence[Cell], key: str) -> list[Any]:
    """Return a key's values: numbers in their order, words in the order in which they were listed."""
    found: list[Any] = []
    for cell in cells:
        if cell.setting[key] not in found:
            found.append(cell.setting[key])
    return sorted(found) if _is_numeric(cells, key) else found


def _draw_bars(axes: Axes, cells: Sequence[Cell], metric: Metric) -> None:
    """Draw cells as dots with intervals, the best on top; of several keys the rows bear the values alone."""
    for place, cell in enumerate(reversed(cells)):
        color = ORANGE if cell is cells[0] else SKY
        axes.errorbar(
            [cell.mean], [place], xerr=[_bar(cell)], fmt="o", color=color, markersize=11, capsize=6, linewidth=2.8
        )
    keys = list(cells[0].setting)
    names = [", ".join(shown(value) for value in cell.setting.values()) for cell in cells]
    _name_rows(axes, [name if cell.scores else f"{name}: no score" for name, cell in zip(names, cells, strict=True)])
    axes.set_ylabel(",\n".join(short(key) for key in keys), color=TEXT, fontsize=15)
    heading(axes, _what(cells, metric))
    if metric.unit == "%":
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name rows from the top down, in type that fits them."""
    axes.set_yticks(range(len(names)), list(reversed(names)), fontsize=15 if len(names) <= 8 else 13)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.12)


def _draw_ablation(axes: Axes, cells: Sequence[Cell], metric: Metric) -> None:
    """Draw what each change of one key does to the base, paired by seed; grey where chance alone may explain it."""
    rows = _against_base(cells)
    scale = 100.0 if metric.unit == "%" else 1.0
    for place, (_, found) in enumerate(reversed(rows)):
        good = (found.mean > 0) == metric.higher_is_better
        color = (GREEN if good else RED) if matters(found, metric) else YELLOW
        axes.barh([place], [scale * found.mean], color=color, alpha=0.85, height=0.55)
        half = math.nan if found.half is None else scale * found.half
        axes.errorbar([scale * found.mean], [place], xerr=[half], color=TEXT, capsize=6, linewidth=2)
    axes.axvline(0, color=TEXT, linewidth=1.6)
    _name_rows(axes, [named(_changed(cell, cells[0])) for cell, _ in rows])
    unit = "points" if metric.unit == "%" else metric.unit
    heading(axes, f"Validation {metric.name}, {unit} against the base (yellow: a tie)")
    axes.set_xlabel(f"base: {named(cells[0].setting)}", color=TEXT, fontsize=15)


def _against_base(cells: Sequence[Cell]) -> list[Any]:
    found = [(cell, difference(cell, cells[0])) for cell in cells[1:]]
    return [(cell, each) for cell, each in found if each]


def _changed(cell: Cell, base: Cell) -> dict[str, Any]:
    """Return what a cell of an ablation has other than the base."""
    return {key: value for key, value in cell.setting.items() if value != base.setting[key]}


def _signed(value: float, metric: Metric) -> str:
    return f"{100 * value:+.1f} points" if metric.unit == "%" else f"{value:+.3f} {metric.unit}".rstrip()
