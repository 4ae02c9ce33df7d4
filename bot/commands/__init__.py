"""The commands: say who, ask the domain, draw the answer. Importing this package registers them all."""

from bot.commands import group, learn, me, runs

__all__ = ["group", "learn", "me", "runs"]
