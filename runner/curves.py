"""A run's learning curves as one picture, for a chat on a phone: dark, large type, labels on the lines."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from runner.exercise import Metric
from runner.history import History
from runner.style import (
    GREEN,
    ORANGE,
    RED,
    SKY,
    TEXT,
    YELLOW,
    annotate,
    heading,
    line,
    new_figure,
    png,
    scale_loss,
    style,
)


def draw(
    history: History,
    title: str,
    metric: Metric,
    baselines: dict[str, float],
    size: tuple[float, float] = (10.0, 6.4),
) -> bytes:
    """Return a PNG of loss, and beside it validation score and learning rate, over steps.

    It is wider than high, because chats show a high picture as a thumbnail. Safe in any thread: it uses no
    pyplot. `size` is in inches of 100 pixels.
    """
    figure = new_figure(title, size)
    panels = figure.subplot_mosaic([["loss", "score"], ["loss", "rate"]], sharex=True, height_ratios=(2, 1))
    loss, score, rate = panels["loss"], panels["score"], panels["rate"]
    for axes in (loss, score, rate):
        style(axes)
    _draw_loss(loss, history)
    _draw_score(score, history, metric, baselines)
    _draw_rate(rate, history)
    _mark_divergence((loss, score, rate), history)
    _set_steps(loss, history)
    _set_steps(rate, history)
    return png(figure)


def alt_text(history: History, metric: Metric) -> str:
    """Return the picture in one sentence, for who cannot see it."""
    losses = [step.loss for step in history.steps if math.isfinite(step.loss)]
    if not losses:
        return "Learning curves without a logged step."
    parts = [f"training loss from {losses[0]:.3g} to {losses[-1]:.3g} by step {history.steps[-1].step}"]
    if (broken := _diverged_at(history)) is not None:
        parts.append(f"not a number from step {broken} on")
    if history.evals:
        best = max(history.evals, key=lambda e: e.score if metric.higher_is_better else -e.score)
        parts.append(f"validation loss {history.evals[-1].loss:.3g} at the end")
        parts.append(f"best validation {metric.name} {metric.format(best.score)} at step {best.step}")
    return f"Learning curves: {', '.join(parts)}."


def _draw_loss(axes: Axes, history: History) -> None:
    train = [(step.step, step.loss) for step in history.steps]
    validation = [(evaluation.step, evaluation.loss) for evaluation in history.evals]
    heading(axes, "Loss (nats)")
    if not train:
        axes.text(0.5, 0.5, "no step was logged", transform=axes.transAxes, ha="center", color=TEXT, fontsize=18)
        return
    above = bool(validation) and validation[-1][1] > train[-1][1]
    line(axes, train, ORANGE, "train", place="top" if above else "bottom")
    line(axes, validation, SKY, "validation", marker="o", place="bottom" if above else "top")
    if scale_loss(axes, (value for _, value in (*train, *validation))):
        heading(axes, "Loss (nats, logarithmic)")


def _draw_score(axes: Axes, history: History, metric: Metric, baselines: dict[str, float]) -> None:
    scores = [(e.step, e.score) for e in history.evals]
    line(axes, scores, GREEN, metric.format(scores[-1][1]) if scores else "", marker="o")
    for name, score in baselines.items():
        highest = score == max(baselines.values())
        axes.axhline(score, color=TEXT, linestyle="--", linewidth=1.6, alpha=0.8)
        axes.annotate(
            f"{name} baseline {metric.format(score)}",
            (0.01, score),
            xycoords=axes.get_yaxis_transform(),
            xytext=(0, 4 if highest else -5),
            textcoords="offset points",
            va="bottom" if highest else "top",
            color=TEXT,
            fontsize=15,
        )
    if known := [value for value in (*dict(scores).values(), *baselines.values()) if math.isfinite(value)]:
        room = max(0.25 * (max(known) - min(known)), 0.05 * max(known), 1e-3)  # for the labels
        axes.set_ylim(min(known) - room, max(known) + room)
    if metric.unit == "%":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    heading(axes, f"Validation {metric.name} ({metric.unit})")


def _draw_rate(axes: Axes, history: History) -> None:
    line(axes, [(step.step, step.learning_rate) for step in history.steps], YELLOW, "")
    axes.set_ylim(0, 1.15 * max((step.learning_rate for step in history.steps), default=0.0) or 1e-4)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(_write_rate))
    heading(axes, "Learning rate")


def _write_rate(rate: float, _position: int) -> str:
    """Write a learning rate as configs do: 1.5e-4 rather than 0.00015."""
    return f"{rate:.1e}".replace("e-0", "e-").replace(".0e", "e") if 0 < rate < 0.01 else f"{rate:.2g}"


def _mark_divergence(panels: Sequence[Axes], history: History) -> None:
    if (step := _diverged_at(history)) is None:
        return
    for axes in panels:
        axes.axvline(step, color=RED, linewidth=2.4, linestyle=":")
    early = step < _last_step(history) / 2
    annotate(
        panels[0],
        f"not a number\nat step {step}",
        (step, 0.05),
        RED,
        xycoords=panels[0].get_xaxis_transform(),
        xytext=(8 if early else -8, 0),
        ha="left" if early else "right",
        va="bottom",
    )


def _diverged_at(history: History) -> int | None:
    """Return the first logged step whose loss or gradient norm is not a finite number."""
    broken = (s.step for s in history.steps if not math.isfinite(s.loss) or not math.isfinite(s.grad_norm or 0.0))
    return next(broken, None)


def _last_step(history: History) -> int:
    return max([1, *(step.step for step in history.steps), *(e.step for e in history.evals)])


def _set_steps(axes: Axes, history: History) -> None:
    axes.set_xlim(0, _last_step(history) * 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("step", color=TEXT, fontsize=16)
