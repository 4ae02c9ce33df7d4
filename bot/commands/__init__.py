"""The commands: say who, ask the domain, draw the answer. Importing this package registers them all."""

from bot.commands import group, interview, learn, me, reminders, runs

__all__ = ["group", "interview", "learn", "me", "reminders", "runs"]
