"""A leaderboard over time, as one picture: each learner's best so far, the group's records marked."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bot.study.leaderboard import Climb
from runner.exercise import Metric
from runner.style import SERIES, TEXT, annotate, heading, new_figure, png, style

SHOWN = len(SERIES)  # learners, the best ones
SIZE = (10.0, 5.6)  # inches of 100 pixels
_APART = 0.075  # of the axis, between two names


def draw(climbs: Sequence[Climb], title: str, metric: Metric, until: datetime, zone: tzinfo) -> bytes:
    """Return a PNG of each learner's best score over the days, to `until`; safe in any thread."""
    figure = new_figure(title, SIZE)
    axes = figure.subplots()
    style(axes)
    shown = climbs[:SHOWN]
    for climb, color in zip(shown, SERIES, strict=False):
        _draw_climb(axes, climb, color, until)
    _set_time(axes, shown, until, zone)
    if metric.unit == "%":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _name(axes, shown, metric)
    heading(axes, f"Best {metric.name} so far, hidden test ({metric.unit})")
    axes.text(0, -0.13, "★ the group's best at that time", transform=axes.transAxes, color=TEXT, fontsize=15, va="top")
    return png(figure)


def alt_text(climbs: Sequence[Climb], metric: Metric, zone: tzinfo) -> str:
    """Return the picture in words."""
    parts = []
    for climb in climbs[:SHOWN]:
        first, last = climb.bests[0], climb.bests[-1]
        day = f"{last.at.astimezone(zone):%d %B}"
        came = f"from {metric.format(first.score)} to {metric.format(last.score)}" if first != last else ""
        records = sum(best.record for best in climb.bests)
        noted = f", {records} group record{'s' * (records != 1)}" if records else ""
        parts.append(f"{climb.learner.name} {came or metric.format(last.score)} by {day}{noted}")
    return f"Each learner's best {metric.name} over time: {'; '.join(parts)}."


def _draw_climb(axes: Axes, climb: Climb, color: str, until: datetime) -> None:
    times = [*(best.at for best in climb.bests), until]
    scores = [*(best.score for best in climb.bests), climb.bests[-1].score]
    axes.step(times, scores, where="post", color=color, linewidth=2.8)  # type: ignore[arg-type]
    plain = [best for best in climb.bests if not best.record]
    axes.plot([b.at for b in plain], [b.score for b in plain], "o", color=color, markersize=8)  # type: ignore[arg-type]
    records = [best for best in climb.bests if best.record]
    times, scores = [best.at for best in records], [best.score for best in records]
    axes.plot(times, scores, "*", color=color, markeredgecolor=TEXT, markersize=20, zorder=4)  # type: ignore[arg-type]


def _set_time(axes: Axes, climbs: Sequence[Climb], until: datetime, zone: tzinfo) -> None:
    first = min(climb.bests[0].at for climb in climbs)
    room = max(until - first, timedelta(hours=1)) * 0.03
    axes.set_xlim(first - room, until + room)  # type: ignore[arg-type]
    axes.xaxis.set_major_locator(MaxNLocator(4))
    form = "%-d %b" if until - first > timedelta(days=4) else "%-d %b %H:%M"
    axes.xaxis.set_major_formatter(DateFormatter(form, tz=zone))  # type: ignore[no-untyped-call]


def _name(axes: Axes, climbs: Sequence[Climb], metric: Metric) -> None:
    """Write each name beside the end of its line, moved apart where lines end close together."""
    low, high = axes.get_ylim()
    ends = {climb.learner.id: (climb.bests[-1].score - low) / (high - low) for climb in climbs}
    colors = dict(zip(ends, SERIES, strict=False))
    names = {climb.learner.id: f"{climb.learner.name} {metric.format(climb.bests[-1].score)}" for climb in climbs}
    place = -1.0
    for learner in sorted(ends, key=lambda each: ends[each]):
        place = max(ends[learner], place + _APART)
        where = {"xycoords": ("axes fraction", "axes fraction"), "va": "center", "annotation_clip": False}
        annotate(axes, names[learner], (1.0, place), colors[learner], **where)
