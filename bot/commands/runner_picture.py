"""A day of the machines that train, as one picture for a chat on a phone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from matplotlib.ticker import MaxNLocator

from bot.study.runners import Span, busy, utilisation
from runner.style import ORANGE, SKY, TEXT, annotate, new_figure, png, style

SIZE = (10.0, 5.0)  # inches of 100 pixels


def draw(found: Sequence[Span], slots: int, since: datetime, now: datetime, zone: tzinfo) -> bytes:
    """Return a PNG of the runs that trained over time, below the room that there is; safe in any thread."""
    share = utilisation(found, slots, since, now)
    figure = new_figure(f"Busy {share:.0%} of the last 24 hours" if slots else "The last 24 hours", SIZE)
    axes = figure.subplots()
    style(axes)
    steps = [(since, 0), *busy(found), (now, 0)]
    hours, levels = [_hours(moment - since) for moment, _ in steps], [level for _, level in steps]
    axes.fill_between(hours, levels, step="post", color=SKY, alpha=0.85, linewidth=0)
    if slots:
        axes.axhline(slots, color=ORANGE, linewidth=2.4, linestyle="--")
        annotate(axes, f"room for {slots}", (0, slots), ORANGE, xytext=(6, 6))
    axes.set_xlim(0, _hours(now - since))
    axes.set_ylim(0, 1.25 * max([1, slots, *levels]))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ticks = _full_hours(since, now, zone)
    axes.set_xticks([_hours(tick - since) for tick in ticks], [f"{tick:%H:%M}" for tick in ticks])
    axes.set_xlabel(f"time of day ({zone})", color=TEXT, fontsize=16)
    axes.set_ylabel("runs that train", color=TEXT, fontsize=16)
    return png(figure)


def alt_text(found: Sequence[Span], slots: int, since: datetime, now: datetime) -> str:
    """Return the picture in words, for who cannot see it."""
    most = max((level for _, level in busy(found)), default=0)
    share = utilisation(found, slots, since, now)
    return f"The last 24 hours: runs had {share:.0%} of the time of {slots} slots; at most {most} trained at once."


def _full_hours(since: datetime, now: datetime, zone: tzinfo) -> list[datetime]:
    """Return every fourth hour of the local clock."""
    first = since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    hours = [(first.astimezone(UTC) + timedelta(hours=hour)).astimezone(zone) for hour in range(1, 26)]
    return [hour for hour in hours if hour.hour % 4 == 0 and hour <= now]


def _hours(time: timedelta) -> float:
    return time / timedelta(hours=1)
