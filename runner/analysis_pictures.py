"""What a run's model does well and badly, as pictures: where it errs, its loss by position, its score by task."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Rectangle

from runner.analysis import Errors, PositionLoss
from runner.exercise import Metric
from runner.style import BACKGROUND, GREEN, GRID, ORANGE, SKY, TEXT, heading, line, new_figure, png, style

RIGHT, WRONG = (LinearSegmentedColormap.from_list(color, (BACKGROUND, color)) for color in (SKY, ORANGE))
MUTED = ("#8a8d93", "#63666c")  # of baselines, beside the score
CROWDED = 6  # labels, from which names and numbers are written smaller
_LABEL_CHARACTERS = 16

Scores = Mapping[str, float]


def draw_errors(errors: Errors, title: str) -> bytes:
    """Return a PNG of a confusion matrix: shades are shares of a row, numbers are counts, F1 beside each label."""
    names = [_clip(label) for label in errors.labels]
    size = 17 if len(names) <= CROWDED else 13
    figure = new_figure(title, (10.0, 5.6 if len(names) <= CROWDED else 7.6))
    axes = figure.subplots()
    _frame(axes, len(names))
    for row, counts in enumerate(errors.counts):
        for column, count in enumerate(counts):
            _draw_cell(axes, row, column, count, share=count / max(sum(counts), 1), size=size)
        f1 = f"F1 {errors.f1[row]:.2f}"
        axes.text(len(names) - 0.4, row, f1, color=GREEN, fontsize=size, fontweight="bold", va="center", clip_on=False)
    slope: dict[str, Any] = {} if len(names) <= CROWDED else {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), names, fontsize=size, **slope)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_xlabel("predicted", color=TEXT, fontsize=16)
    axes.set_ylabel("true", color=TEXT, fontsize=16)
    heading(axes, f"Rows of the validation split · macro-F1 {np.mean(errors.f1):.2f}")
    return png(figure)


def errors_alt(errors: Errors) -> str:
    """Return a confusion matrix in words: the share that is right, and the commonest confusions."""
    counts = np.array(errors.counts)
    wrong = [
        (count, errors.labels[row], errors.labels[column])
        for (row, column), count in np.ndenumerate(counts)
        if row != column and count
    ]
    commonest = [f"{true} taken for {found} {count} times" for count, true, found in sorted(wrong, reverse=True)[:3]]
    right = f"{int(np.trace(counts))} of {int(counts.sum())} rows are right"
    f1 = ", ".join(f"{label} {score:.2f}" for label, score in zip(errors.labels, errors.f1, strict=True))
    return f"Confusion matrix: {'; '.join([right, *commonest])}. F1: {f1}."


def draw_positions(positions: Sequence[PositionLoss], title: str) -> bytes:
    """Return a PNG of a language model's loss over the position in its block: what context is worth to it."""
    figure = new_figure(title, (10.0, 5.0))
    axes = figure.subplots()
    style(axes)
    points = [(float(each.first), each.loss) for each in positions]
    line(axes, points, SKY, f"{points[-1][1]:.2f}", marker="o")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("position in the block: tokens of context", color=TEXT, fontsize=16)
    heading(axes, "Validation loss (nats a token)")
    return png(figure)


def positions_alt(positions: Sequence[PositionLoss]) -> str:
    """Return the loss by position in a sentence."""
    first, last = positions[0], positions[-1]
    return (
        f"Validation loss by position in the block: {first.loss:.2f} nats a token with {_tokens(first.first)} of "
        f"context, {last.loss:.2f} from {_tokens(last.first)} on."
    )


def draw_heads(
    scores: Mapping[str, float], baselines: Mapping[str, Mapping[str, float]], metric: Metric, title: str
) -> bytes:
    """Return a PNG of each task's score as a bar, beside bars of its own baselines."""
    figure = new_figure(title, (10.0, 1.6 + 1.9 * len(scores)))
    axes = figure.subplots()
    style(axes)
    names = ["score", *dict.fromkeys(name for by_name in baselines.values() for name in by_name)]
    height = 0.84 / len(names)
    for place, (head, score) in enumerate(scores.items()):
        for number, name in enumerate(names):
            value = score if name == "score" else baselines.get(head, {}).get(name)
            if value is not None:
                label = f"{'this run' if name == 'score' else name} {metric.format(value)}"
                _draw_bar(axes, place + (number - (len(names) - 1) / 2) * height, value, height, number, label)
    axes.set_xticks([])  # each bar has its number
    axes.set_yticks(range(len(scores)), list(scores), fontsize=17)
    axes.grid(visible=False)
    axes.invert_yaxis()
    widest = max([*scores.values(), *(value for by_name in baselines.values() for value in by_name.values())])
    axes.set_xlim(0, 1.35 * widest or 1.0)
    heading(axes, f"Hidden test, {metric.name} of each task ({metric.unit})")
    return png(figure)


def heads_alt(scores: Scores, baselines: Mapping[str, Scores], metric: Metric) -> str:
    """Return the bars in words."""
    parts = []
    for head, score in scores.items():
        beside = [f"{name} baseline {metric.format(value)}" for name, value in baselines.get(head, {}).items()]
        parts.append(", ".join([f"{head} {metric.format(score)}", *beside]))
    return f"{metric.name} of each task on the hidden test: {'; '.join(parts)}."


def _draw_cell(axes: Axes, row: int, column: int, count: int, *, share: float, size: int) -> None:
    color = (RIGHT if row == column else WRONG)(share**0.7)  # or few mistakes would hardly be seen
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=color, edgecolor=GRID, linewidth=0.8))
    if count:
        bright = np.dot(to_rgb(color), (0.299, 0.587, 0.114)) > 0.45
        axes.text(
            column, row, f"{count}", color=BACKGROUND if bright else TEXT, fontsize=size, ha="center", va="center"
        )


def _frame(axes: Axes, labels: int) -> None:
    axes.set_facecolor(BACKGROUND)
    axes.set_xlim(-0.5, labels - 0.5)
    axes.set_ylim(labels - 0.5, -0.5)
    axes.tick_params(colors=TEXT, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_bar(axes: Axes, place: float, value: float, height: float, number: int, label: str) -> None:
    color = ORANGE if number == 0 else MUTED[number % len(MUTED)]
    axes.barh(place, value, height * 0.86, color=color)
    axes.annotate(
        label,
        (value, place),
        xytext=(8, 0),
        textcoords="offset points",
        color=TEXT,
        fontsize=15,
        va="center",
        fontweight="bold" if number == 0 else "normal",
    )


def _clip(label: str) -> str:
    return label if len(label) <= _LABEL_CHARACTERS else f"{label[: _LABEL_CHARACTERS - 1]}…"


def _tokens(count: int) -> str:
    return f"{count} token{'s' * (count != 1)}"
