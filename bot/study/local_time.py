"""Local time: when an hour comes next in a timezone, and how people write hours, days, dates and timezones."""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bot.errors import UserError, nearest

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST = timedelta(days=365)


def zone_of(name: str | None) -> ZoneInfo:
    """Return a timezone; UTC for none, and for a name that a chat made up or that the tz database has dropped."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # no such name, a path, a name too long
        return ZoneInfo("UTC")


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """Return the date that a moment has in a timezone."""
    return moment.astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins."""
    return instant(day, time.min, zone)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return when a clock shows an hour on a day, in UTC.

    An hour that comes twice counts the first time; one that the clock skips is as long after midnight as it would be.
    """
    return datetime.combine(day, at, zone).astimezone(UTC)


def next_instant(
    at: time,
    zone: ZoneInfo,
    after: datetime,
    *,
    days: Collection[str] = DAYS,
    first_day: date | None = None,
) -> datetime:
    """Return when an hour comes next after a moment, on one of some weekdays, and not before `first_day`."""
    day = max(local_date(after, zone), first_day or date.min)
    while DAYS[day.weekday()] not in days or instant(day, at, zone) <= after:
        day += timedelta(days=1)
    return instant(day, at, zone)


def read_time(text: str) -> time:
    """Read a local time such as `9`, `09:30`, `7pm`; raises UserError."""
    for pattern in ("%H:%M", "%H", "%I%p", "%I:%M%p", "%I %p", "%Hh%M", "%H.%M"):
        try:
            return datetime.strptime(text.strip().lower(), pattern).time()  # noqa: DTZ007  (a time of day has no zone)
        except ValueError:
            continue
    raise UserError(f"`{text[:20]}` is no time of day that I can read.", "Try `09:00` or `7pm`.")


def timezones(partial: str) -> list[str]:
    """Return the names of timezones that contain some words."""
    return sorted(name for name in available_timezones() if partial.lower() in name.lower())


def read_timezone(text: str) -> str:
    """Return an IANA timezone's name; a city is enough when it is one. Raises UserError with the nearest."""
    names = available_timezones()
    wanted = text.strip().replace(" ", "_").lower()
    for name in sorted(names, key=len):
        if wanted in (name.lower(), name.lower().rpartition("/")[2]):
            return name
    raise UserError(f"There is no timezone `{text[:40]}`.{nearest(text, names)}", "Names look like `Europe/Berlin`.")


def read_days(text: str) -> str:
    """Read weekdays such as `mon,wed,fri`, `weekdays` or `daily`; raises UserError."""
    sets = {"daily": DAYS, "every day": DAYS, "weekdays": DAYS[:5], "weekends": DAYS[5:]}
    said = text.strip().lower()
    chosen = sets.get(said) or tuple(word.strip()[:3] for word in said.replace(" ", ",").split(",") if word.strip())
    if not chosen or not set(chosen) <= set(DAYS):
        raise UserError(f"`{text[:40]}` has days that I don't know.", "Try `mon,wed,fri`, `weekdays` or `daily`.")
    return ",".join(day for day in DAYS if day in chosen)


def read_date(text: str, today: date) -> date:
    """Read a coming date: `3d` or `2 weeks` from today, or `2026-04-01`. Raises UserError for any other, and for one
    that has been or is over a year away.
    """
    if span := re.fullmatch(r"(\d{1,3})\s*(d|days?|w|weeks?)", text.strip().lower()):
        day = today + timedelta(days=int(span[1]) * (7 if span[2].startswith("w") else 1))
    else:
        try:
            day = date.fromisoformat(text.strip())
        except ValueError:
            raise UserError(f"`{text[:40]}` is no date that I can read.", "Try `3d`, `2w` or `2026-04-01`.") from None
    if not today < day <= today + LONGEST:
        raise UserError(f"{day:%d %B %Y} is not within a year from tomorrow.", "Try `3d`, `2w` or `2026-04-01`.")
    return day
