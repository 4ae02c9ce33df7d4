"""`python -m bot` is `cohort`."""

from bot.cli import main

main()
