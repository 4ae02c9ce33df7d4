"""The curves of several runs in one picture."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.ticker import MaxNLocator, PercentFormatter

from runner.exercise import Metric
from runner.history import History
from runner.style import SERIES, TEXT, heading, line, new_figure, png, scale_loss, style


class Named(NamedTuple):
    """A run's history with the name that its line bears."""

    name: str
    history: History


def draw_comparison(
    runs: Sequence[Named], title: str, metric: Metric, size: tuple[float, float] = (10.0, 5.6)
) -> bytes:
    """Return a PNG of training loss, and beside it validation score, of up to six runs, a color each."""
    figure = new_figure(title, size)
    loss, score = figure.subplots(1, 2)
    for axes in (loss, score):
        style(axes)
        axes.set_xlabel("epoch", color=TEXT, fontsize=16)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    # Epochs and not steps: batches of different sizes then stand beside each other.
    for (name, history), color in zip(runs, SERIES, strict=False):
        line(loss, [(step.epoch, step.loss) for step in history.steps], color, name)
        line(score, [(e.epoch, e.score) for e in history.evals], color, name, marker="o")
    heading(loss, "Training loss (nats)")
    heading(score, f"Validation {metric.name} ({metric.unit})")
    scale_loss(loss, (step.loss for run in runs for step in run.history.steps))
    if metric.unit == "%":
        score.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return png(figure)


def alt_text(runs: Sequence[Named], metric: Metric) -> str:
    """Return the picture in a sentence."""
    parts = []
    for name, history in runs:
        losses = [step.loss for step in history.steps if math.isfinite(step.loss)]
        end = f"{name}: training loss ends at {losses[-1]:.3g}" if losses else f"{name}: no step was logged"
        if history.evals:
            end += f", validation {metric.name} at {metric.format(history.evals[-1].score)}"
        parts.append(end)
    return f"Learning curves side by side. {'; '.join(parts)}."
