"""The commands: say who, ask the domain, draw the answer. Importing this package registers them all."""

from bot.commands import drill, group, group_drill, interview, learn, me, placement, plan, reminders, runs, season

__all__ = [
    "drill",
    "group",
    "group_drill",
    "interview",
    "learn",
    "me",
    "placement",
    "plan",
    "reminders",
    "runs",
    "season",
]
