"""The stories that every chat tells, on Slack: through the real libraries, with the whole of Cohort behind them."""

import pytest
from slack_actor import SlackActor, world
from test_scenarios import SCENARIOS

from bot.app import App


@pytest.mark.parametrize("story", SCENARIOS)
async def test_a_story_reads_the_same_on_slack(app: App, story: str) -> None:
    async with world(app.dispatch) as slack:
        people = {name: SlackActor(slack, name) for name in ("ann", "bo")}
        for step in SCENARIOS[story]:
            shown = await people[step.who].do(step.line, step.form)
            for words in step.sees:
                assert words in shown, f"{step.who} ▸ {step.line[:60]}\n{shown}"
            for words in step.never:
                assert words not in shown, f"{step.who} ▸ {step.line[:60]}\n{shown}"
