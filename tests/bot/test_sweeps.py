"""Sweeps as people meet them: submitted, confirmed, trained for real on a tiny model, and told in one message."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlmodel import select

from bot.app import App
from bot.dispatch import Request
from bot.store.tables import Group, Run, Sweep
from bot.study.membership import Sender
from bot.view import Edit, Form, Message, Reply, Upload, read_action
from runner.config import parse
from runner.sweep_source import read_sweep

TINY = "exercise: match\nmodel: tiny\ndata: {max_train_samples: 64}\n"
GRID = TINY + "training: {max_steps: 4, learning_rate: [1e-5, 1e-3], seed: [1, 2]}\n"
SEARCH = TINY + "training: {max_steps: 4, learning_rate: {from: 1e-5, to: 1e-2, scale: log}}\nsweep: {trials: 3}\n"
# With adam_beta2 at 0 and hardly an epsilon, a gradient of zero is divided by zero: the runner stops and says so.
DIVERGES = TINY + (
    "training: {max_steps: 12, per_device_train_batch_size: 16, adam_beta1: 0.99, adam_epsilon: 1.0e-30, "
    "adam_beta2: %s, learning_rate: %s}\n"
)


class Person:
    """Somebody who types, presses and fills in, in the lab's channel."""

    def __init__(self, app: App, name: str) -> None:
        self.app, self.sender = app, Sender("local", name, name.capitalize())

    async def do(self, route: str, **values: str | Upload) -> Reply:
        return await self.app.dispatch(Request(self.sender, "#lab", route, values, ("#lab", "lab")))

    async def submit(self, config: str) -> Message:
        return message(await self.do("submit", file=Upload("my.yaml", config.encode())))

    async def press(self, shown: Message, label: str) -> Reply:
        route, ids = read_action(next(b.action for b in shown.buttons if b.label == label))
        return await self.do(route, **ids)

    async def start(self, config: str) -> Message:
        proposal = await self.submit(config)
        return message(await self.press(proposal, proposal.buttons[0].label))


def message(reply: Reply) -> Message:
    reply = reply.message if isinstance(reply, Edit) else reply
    assert isinstance(reply, Message)
    return reply


async def posts(app: App) -> list[Message]:
    return [post.message for post in await app.built_in.latest(["#lab"], 50)]


async def runs(app: App) -> list[Run]:
    async with app.store.read() as session:
        return list((await session.exec(select(Run).order_by(Run.number))).all())


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(240):
        while not await true():
            await asyncio.sleep(0.1)


async def ended(app: App) -> Message:
    """Wait for a sweep's result, and return it."""

    async def there() -> bool:
        return any("Submit the best" in str(post.buttons) or "no score" in post.title for post in await posts(app))

    await until(there)
    return next(post for post in await posts(app) if post.rows)


async def nothing_to_cancel(app: App) -> bool:
    return not any(button.label == "Cancel" for post in await posts(app) for button in post.buttons)


@pytest.fixture
def ann(app: App) -> Person:
    return Person(app, "ann")


async def test_a_grid_is_confirmed_trained_and_told_in_one_status_and_one_result(app: App, ann: Person):
    proposal = await ann.submit(GRID)
    assert proposal.title == "A sweep of 4 runs: start it?"
    assert "2 values of `learning_rate`, 2 seeds each." in proposal.body
    assert "each run has at most 15 min" in proposal.body
    assert "It takes 4 of the 20 runs that you have in 24 hours (4 used with it)." in proposal.body
    assert await runs(app) == []
    started = message(await ann.press(proposal, "Start 4 runs"))
    assert "Sweep 1 has started: 4 runs" in started.body
    result = await ended(app)
    assert result.title.startswith("Sweep 1 · match · Ann: ")
    assert result.rows[0] == ("", "learning_rate", "accuracy", "±", "Seeds")
    assert {row[1] for row in result.rows[1:]} == {"1e-5", "1e-3"}
    assert {row[4] for row in result.rows[1:]} == {"2"}
    assert "95% interval, t over 2 seeds" in result.body
    assert "Runs: 2 to 5." in result.body
    assert result.files[0].name == "sweep-1.png"
    assert result.files[0].data.startswith(b"\x89PNG")
    made = await runs(app)
    assert [(run.number, run.trial, run.status) for run in made] == [
        (number, trial, "succeeded") for number, trial in ((2, 0), (3, 0), (4, 1), (5, 1))
    ]
    assert {parse(run.config).config.training.seed for run in made} == {1, 2}
    assert all(run.score is not None for run in made)
    await until(lambda: nothing_to_cancel(app))
    shown = await posts(app)
    assert len(shown) == 2
    assert "4 of 4 runs are done." in next(post.body for post in shown if not post.rows)

    page = message(await ann.do("run show", number="1"))
    assert page.rows == result.rows
    child = message(await ann.do("run show", number="2"))
    assert child.title.startswith("Run 2 · match · Ann")
    form = await ann.press(result, "Submit the best alone")
    assert isinstance(form, Form)
    assert read_sweep(form.fields[0].value) is None
    assert parse(form.fields[0].value).config.training.max_steps == 4
    board = message(await ann.do("leaderboard", exercise="match"))
    assert board.rows[1][4] == "4"


async def test_a_search_asks_optuna_for_each_setting_and_ends_after_its_trials(app: App, ann: Person):
    await ann.start(SEARCH)
    result = await ended(app)
    assert len(result.rows) == 4
    rates = {run.setting["training.learning_rate"] for run in await runs(app)}
    assert len(rates) == 3
    assert all(1e-5 <= rate <= 1e-2 for rate in rates)
    assert "One seed each" in result.body


async def test_one_run_that_fails_is_in_the_table_and_the_others_count(app: App, ann: Person):
    await ann.start(DIVERGES % ("[0.999, 0]", "1e-4"))
    result = await ended(app)
    failed = [run for run in await runs(app) if run.status == "failed"]
    assert len(failed) == 1
    assert "1 run came to no score: adam_beta2 0 (1 of 1)." in result.body
    assert result.rows[-1][1:] == ("0", "no score", "", "0 of 1")
    assert "no score" not in result.rows[1]


async def test_a_sweep_whose_runs_all_fail_says_so_and_offers_to_change_it(app: App, ann: Person):
    await ann.start(DIVERGES % ("0", "[0.9, 1.0]"))
    result = await ended(app)
    assert result.title == "Sweep 1 · match · Ann: no score"
    assert "None of its 2 runs came to a score." in result.body
    assert [row[2] for row in result.rows[1:]] == ["failed", "failed"]
    form = await ann.press(result, "Change it and try again")
    assert isinstance(form, Form)
    assert form.fields[0].value == DIVERGES % ("0", "[0.9, 1.0]")
    assert "has a score yet" in message(await ann.do("sweep.best", number="1")).body


async def test_cancelling_the_sweep_cancels_what_trains_and_what_waits(app: App, ann: Person):
    started = await ann.start(GRID.replace("max_steps: 4", "max_steps: 150"))

    async def training() -> bool:
        return any(run.status == "running" for run in await runs(app)) and len(await runs(app)) == 4

    await until(training)
    answer = message(await ann.press(started, "Cancel"))
    assert answer.body == "Sweep 1 is cancelled, and 4 of its runs with it."
    await until(lambda: all_of(app, "cancelled"))
    page = message(await ann.do("run show", number="1"))
    assert "Cancelled; 4 of 4 runs had ended or were stopped." in page.body
    assert "has ended already" in message(await ann.do("run cancel", number="1")).body
    assert len(await posts(app)) == 1
    assert "not yours" in message(await Person(app, "bo").do("run cancel", number="1")).body


async def all_of(app: App, status: str) -> bool:
    return {run.status for run in await runs(app)} == {status}


async def test_a_sweep_over_quota_is_refused_with_what_would_fit(app: App, ann: Person):
    await ann.submit(TINY + "training: {max_steps: 1}\n")
    async with app.store.write() as session:
        (await session.exec(select(Group))).one().runs_per_day = 4
    refused = await ann.submit(GRID)
    assert "That is 4 runs; you have submitted 1 in the last 24 hours, and lab allows 4." in refused.body
    assert "3 would fit now" in refused.body
    too_many = await ann.submit(GRID.replace("[1, 2]", "[1, 2, 3]"))
    assert "That is 6 runs, and lab allows 4 in 24 hours." in too_many.body
    async with app.store.read() as session:
        assert (await session.exec(select(Sweep))).all() == []


async def test_only_who_proposed_a_sweep_starts_it_and_only_once(app: App, ann: Person):
    first = await ann.submit(GRID)
    bo = Person(app, "bo")
    assert "not yours to start" in message(await bo.press(first, "Start 4 runs")).body
    second = await ann.submit(SEARCH)
    assert "put aside for another one" in message(await ann.press(first, "Start 4 runs")).body
    assert "nothing has started" in message(await ann.press(second, "Leave it")).body
    third = await ann.submit(SEARCH)
    await ann.press(third, "Start 3 runs")
    assert "it has started already" in message(await ann.press(third, "Start 3 runs")).body
    assert "has no run 9" in message(await ann.do("sweep.best", number="9")).body
    for route in ("run logs", "run share"):
        assert "1 is a sweep of several runs." in message(await ann.do(route, number="1")).body
    shown = message(await ann.do("run config", number="1"))
    assert shown.files[0].data == SEARCH.encode()
    await ann.do("run cancel", number="1")


async def test_all_that_is_wrong_with_a_sweep_is_said_and_can_be_mended(app: App, ann: Person):
    bad = "exercise: match\ntraining:\n  learning_rate: [1e-4, fast]\n  sed: [1, 2]\nsweep: {kind: gird}\n"
    refused = await ann.submit(bad)
    assert refused.title == "That config would not train: 3 things to mend"
    assert "line 5: sweep.kind" in refused.body
    form = await ann.press(refused, "Fix it")
    assert isinstance(form, Form)
    assert form.fields[0].value == bad
