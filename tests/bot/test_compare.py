"""Two runs side by side, and one run to take along; through the dispatcher, on both databases."""

import pytest

import bot.commands  # noqa: F401  (registers them)
from bot.command import Services
from bot.dispatch import Dispatcher, Request
from bot.store.database import Store
from bot.study import run
from bot.study.membership import Sender, identify
from bot.view import Form, Message
from lessons import curriculum
from runner.run_dir import Eval, Result, RunDir, Step

ANN = Sender("local", "ann", "Ann")
LAB = ("#lab", "lab")


@pytest.fixture
async def ask(store: Store, clock, tmp_path):
    """Make two runs that have succeeded and one that waits, and return a way to ask about them."""
    changes = ("", "method: lora\n", "", "")
    for number, (change, score) in enumerate(zip(changes, (0.8, 0.85, None, 0.81), strict=True), 1):
        exercise = "library" if number == 4 else "match"
        async with store.write() as session:
            ann, lab = await identify(session, ANN, LAB, clock.now)
            submitted = await run.submit(
                session, ann, lab, f"exercise: {exercise}\n{change}", channel="#lab", runs=str(tmp_path), now=clock.now
            )
            new = submitted.run
            if score:
                new.status, new.score = "succeeded", score
                new.result = Result(status="succeeded", test=score, steps=10 * number).model_dump(mode="json")
                session.add(new)
        folder = RunDir(new.run_dir)
        folder.create(new.config)
        for step in (1, 2):
            folder.append(Step(step=step, epoch=step / 2, loss=0.7 / step, learning_rate=1e-4))
        folder.append(Eval(step=2, epoch=1.0, loss=0.4, score=0.8))
    dispatch = Dispatcher(store, Services(curriculum(), str(tmp_path), lambda: 1), clock, lambda: None)

    async def send(route: str, **values: str) -> Message | Form:
        reply = await dispatch(Request(ANN, "#lab", route, values, LAB))
        assert isinstance(reply, Message | Form)
        return reply

    return send


async def test_two_runs_stand_side_by_side_with_what_differs(ask) -> None:
    shown = await ask("run compare", number="1", other="2")
    assert shown.body == "Run 2 is 5.0 points better."
    assert ("Hidden test", "80.0%", "85.0%") in shown.rows
    assert ("method", "full", "lora") in shown.rows
    assert ("training.learning_rate", "0.0001", "0.002") in shown.rows
    assert not [row for row in shown.rows if row[0] == "exercise"]
    assert shown.files[0].data.startswith(b"\x89PNG")
    assert "1 Ann" in shown.files[0].alt


@pytest.mark.parametrize(
    ("number", "other", "answer"),
    [
        ("1", "1", "Run 1 is the same as itself."),
        ("1", "4", "their scores say nothing of each other"),
        ("1", "9", "lab has no run 9."),
        ("1", "two", "needs a whole number"),
    ],
)
async def test_what_cannot_be_compared_is_told(ask, number: str, other: str, answer: str) -> None:
    assert answer in (await ask("run compare", number=number, other=other)).body


async def test_a_run_without_a_score_is_compared_by_its_config(ask) -> None:
    shown = await ask("run compare", number="2", other="3")
    assert shown.body == "One of them has no score."
    assert ("method", "lora", "full") in shown.rows


async def test_a_run_is_shared_as_config_result_and_model_card(ask) -> None:
    shown = await ask("run share", number="2")
    assert [file.name for file in shown.files] == ["run-2.yaml", "run-2.json", "README.md"]
    assert b"method: lora" in shown.files[0].data
    assert b"85.0%" in shown.files[2].data
    assert "no result to share" in (await ask("run share", number="3")).body


async def test_a_run_can_be_submitted_again(ask) -> None:
    form = await ask("run rerun", number="2")
    assert isinstance(form, Form)
    assert form.fields[0].value == "exercise: match\nmethod: lora\n"
