"""The stories that every chat tells, on Discord: through the real client, with the whole of Cohort behind it."""

import pytest
from discord_actor import DiscordActor, world
from test_scenarios import SCENARIOS

from bot.app import App


@pytest.mark.parametrize("story", SCENARIOS)
async def test_a_story_reads_the_same_on_discord(app: App, story: str) -> None:
    async with world(app.dispatch) as discord:
        people = {name: DiscordActor(discord, name) for name in ("ann", "bo")}
        for step in SCENARIOS[story]:
            shown = await people[step.who].do(step.line, step.form)
            for words in step.sees:
                assert words in shown, f"{step.who} ▸ {step.line[:60]}\n{shown}"
            for words in step.never:
                assert words not in shown, f"{step.who} ▸ {step.line[:60]}\n{shown}"
