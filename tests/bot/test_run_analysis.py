"""A closer look at a run, from the button on its page; through the dispatcher, on both databases."""

from datetime import UTC

import pytest

import bot.commands  # noqa: F401  (registers them)
from bot.command import Services
from bot.commands import leaderboard_picture
from bot.dispatch import Dispatcher, Request
from bot.store.tables import Learner, Run
from bot.study import run
from bot.study.leaderboard import Best, Climb
from bot.study.membership import Sender, identify
from bot.view import Message, read_action
from lessons import curriculum
from runner.analysis import Analysis, Errors, Mistake, PositionLoss, Sample
from runner.exercise import exercises
from runner.run_dir import Result, RunDir

ANN = Sender("local", "ann", "Ann")
LAB = ("#lab", "lab")
MISTAKE = Mistake(texts=("na`me", "It says."), true="no", predicted="yes", confidence=0.97)
ERRORS = Errors(head="label", labels=("no", "yes"), counts=((4, 6), (1, 9)), f1=(0.5, 0.7), mistakes=(MISTAKE,))
WRITES = Analysis(
    positions=(PositionLoss(first=1, loss=4.0), PositionLoss(first=2, loss=2.0)),
    samples=(Sample(prompt="import ", written="os\n```"),),
)
HEADS = Analysis(errors=(ERRORS.model_copy(update={"head": "library"}), ERRORS.model_copy(update={"head": "kind"})))


@pytest.fixture
async def ask(store, clock, tmp_path):
    """Return a way to ask as Ann, in whose group runs have succeeded."""
    dispatch = Dispatcher(store, Services(curriculum(), str(tmp_path), lambda: 1), clock, lambda: None)

    async def send(route: str, **values: str) -> Message:
        reply = await dispatch(Request(ANN, "#lab", route, values, LAB))
        assert isinstance(reply, Message)
        return reply

    return send


@pytest.fixture
def succeeded(store, clock, tmp_path):
    """Return a way to add a run that has succeeded."""

    async def add(exercise: str, analysis: Analysis | None, score: float = 0.8, **result) -> Run:
        clock.advance(hours=1)
        async with store.write() as session:
            ann, lab = await identify(session, ANN, LAB, clock.now)
            made = await run.submit(
                session, ann, lab, f"exercise: {exercise}\n", channel="#lab", runs=str(tmp_path), now=clock.now
            )
            new = made.run
            new.status, new.score, new.finished_at = "succeeded", score, clock.now
            new.result = Result(status="succeeded", test=score, **result).model_dump(mode="json")
            session.add(new)
        RunDir(new.run_dir).create(new.config)
        if analysis:
            analysis.write(RunDir(new.run_dir))
        return new

    return add


async def press(ask, page: Message, label: str) -> Message:
    (action,) = [button.action for button in page.buttons if button.label == label]
    route, ids = read_action(action)
    return await ask(route, **ids)


async def test_where_a_classifier_errs_is_a_matrix_and_its_surest_mistakes(ask, succeeded):
    await succeeded("match", Analysis(errors=(ERRORS,)))
    shown = await press(ask, await ask("run show", number="1"), "Where it errs")
    assert shown.files[0].data.startswith(b"\x89PNG")
    assert "no taken for yes 6 times" in shown.files[0].alt
    assert "1. said **yes** (97% sure), is **no**: `naʼme` | `It says.`" in shown.body


async def test_a_classifier_without_mistakes_is_told_so(ask, succeeded):
    await succeeded("match", Analysis(errors=(ERRORS.model_copy(update={"mistakes": ()}),)))
    assert "no mistake" in (await ask("run.analysis", number="1")).body


async def test_a_language_model_shows_what_context_is_worth_and_what_it_writes(ask, succeeded):
    await succeeded("stdlib", WRITES)
    shown = await press(ask, await ask("run show", number="1"), "What context is worth")
    assert "4.00 nats a token with 1 token of context" in shown.files[0].alt
    assert "import ⟫os" in shown.body
    assert shown.body.count("```") == 2  # what it writes cannot end its block


async def test_several_tasks_stand_side_by_side_and_each_can_be_looked_into(ask, succeeded):
    baselines = {"library": {"linear": 0.7}, "kind": {"linear": 0.5}}
    await succeeded("multi", HEADS, also={"library": 0.6, "kind": 0.9}, head_baselines=baselines)
    shown = await press(ask, await ask("run show", number="1"), "Score by task")
    assert "library 60.0%, linear baseline 70.0%; kind 90.0%, linear baseline 50.0%" in shown.files[0].alt
    assert "kind" in (await press(ask, shown, "Where kind errs")).title


async def test_a_run_without_an_analysis_has_no_button_and_says_so(ask, succeeded):
    await succeeded("match", None)
    assert not (await ask("run show", number="1")).buttons
    assert "nothing to look at closer" in (await ask("run.analysis", number="1")).body
    await succeeded("multi", HEADS)
    assert "no such task" in (await ask("run.errors", number="2", head="7")).body


async def test_the_leaderboard_has_a_picture_over_time_from_the_second_best_on(ask, succeeded):
    await succeeded("match", None, score=0.7)
    assert not (await ask("leaderboard", exercise="match")).files
    await succeeded("match", None, score=0.8)
    (picture,) = (await ask("leaderboard", exercise="match")).files
    assert picture.data.startswith(b"\x89PNG")
    assert "Ann from 70.0% to 80.0%" in picture.alt
    assert "1 group record" in picture.alt


def test_a_board_of_many_equal_scores_at_one_moment_is_drawn(clock) -> None:
    climbs = [
        Climb(Learner(id=n, chat="local", external_id=f"{n}", name=f"Learner {n}"), (Best(clock.now, 0.5, False),))
        for n in range(9)
    ]
    metric = exercises()["stdlib"].metric
    assert leaderboard_picture.draw(climbs, "t", metric, clock.now, UTC).startswith(b"\x89PNG")
    assert leaderboard_picture.alt_text(climbs, metric, UTC).count("Learner") == leaderboard_picture.SHOWN
