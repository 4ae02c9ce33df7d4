"""What a placement test found, as one picture for a chat on a phone: the ability in each topic against its place."""

from itertools import pairwise

from matplotlib.axes import Axes

from bot.study.adaptive_test import CUTS, LEVELS
from bot.study.placement import Result, TopicAbility
from runner.style import BACKGROUND, GREEN, GRID, ORANGE, SKY, TEXT, new_figure, png

EDGE = 3.2  # logits shown to either side
SIZE = (10.0, 7.2)  # inches of 100 pixels


def draw(found: Result) -> bytes:
    """Return a PNG of the ability in each topic with its standard error; safe in any thread."""
    figure = new_figure("", SIZE)
    axes = figure.subplots()
    _style(axes, [each.topic.title for each in found.topics])
    _draw_levels(axes)
    for row, topic in enumerate(found.topics):
        _draw_topic(axes, row, topic)
    _explain(axes)
    return png(figure)


def alt_text(found: Result) -> str:
    """Return the picture in words, for who cannot see it."""
    known = [each.topic.title for each in found.topics if each.is_known]
    return (
        f"Placement: {found.level} after {found.asked} questions. The ability in {len(found.topics)} topics with its "
        f"uncertainty; it reaches what the topic asks for in {', '.join(known) or 'none of them yet'}."
    )


def _draw_levels(axes: Axes) -> None:
    """Divide the scale at the levels' cuts, and name them on top."""
    edges = (-EDGE, *CUTS, EDGE)
    for cut in CUTS:
        axes.axvline(cut, color=TEXT, linewidth=1.6, linestyle="--", alpha=0.8)
    for level, (left, right) in zip(LEVELS, pairwise(edges), strict=True):
        above = axes.get_xaxis_transform()
        axes.text((left + right) / 2, 1.015, level, transform=above, color=TEXT, fontsize=17, ha="center", va="bottom")


def _draw_topic(axes: Axes, row: int, topic: TopicAbility) -> None:
    color = GREEN if topic.is_known else ORANGE
    axes.plot(topic.place, row, color=SKY, marker="d", markersize=13, zorder=3)
    axes.errorbar(topic.ability, row, xerr=topic.sd, color=color, marker="o", markersize=13, linewidth=4)


def _explain(axes: Axes) -> None:
    """Say below the picture what its marks are, each in its color."""
    marks = (
        (-0.5, GREEN, "● you: enough for it"),
        (0.0, ORANGE, "● you: not yet"),
        (0.37, SKY, "◆ what the topic asks for"),
    )
    for place, color, words in marks:
        axes.text(place, -0.03, words, transform=axes.transAxes, color=color, fontsize=16, fontweight="bold", va="top")


def _style(axes: Axes, titles: list[str]) -> None:
    axes.set_facecolor(BACKGROUND)
    axes.set_xlim(-EDGE, EDGE)
    axes.set_xticks([])
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(len(titles) - 0.4, -0.6)
    axes.tick_params(colors=TEXT, labelsize=16, length=0)
    axes.grid(color=GRID, linewidth=0.8)
    for spine in axes.spines.values():
        spine.set_visible(False)
