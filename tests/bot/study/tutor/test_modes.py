import pytest
from sqlmodel import select
from tutor_lab import make_lab

from bot.store.tables import Learner, Run
from bot.view import Form
from runner.config import parse, template
from runner.run_dir import Eval, RunDir, Start, Step
from tests.llm_server import Answer

FINDING = {
    "rule": "diverged",
    "what": "The loss jumped.",
    "evidence": "It went from 0.4 to 1.6 at step 30.",
    "change": {"training.learning_rate": 1e-4},
    "lesson": "learning-rate-setup",
}


async def add_run(lab, tmp_path, number=1, findings=(FINDING,)):
    """Give Ann a run that has ended."""
    run_dir = RunDir(str(tmp_path / f"r{number}"))
    run_dir.create("")
    run_dir.append(Start(total_steps=40, parameters=1, trainable=1, train_rows=1, device="cpu"))
    for step in range(1, 41):
        run_dir.append(Step(step=step, epoch=step / 40, loss=0.4 if step < 30 else 1.6, learning_rate=1e-3))
    run_dir.append(Eval(step=40, epoch=1.0, loss=1.5, score=0.5))
    await lab.do("ann", "help")
    async with lab.store.write() as session:
        ann = (await session.exec(select(Learner).where(Learner.external_id == "ann"))).one()
        session.add(
            Run(
                id=f"r{number}",
                number=number,
                group_id=1,
                learner_id=ann.id,
                exercise="match",
                submitted=template("match"),
                config=template("match"),
                chat="local",
                channel="#lab",
                run_dir=run_dir.url,
                status="succeeded",
                result={"status": "succeeded", "test": 0.5, "baselines": {"linear": 0.49}},
                findings=list(findings),
                queued_at=lab.clock.now,
            )
        )


def actions(shown):
    return {button.action.partition(":")[0] for button in shown.buttons}


async def test_a_run_is_debugged_without_a_model_by_coach_and_guide(sqlite, model, clock, tmp_path):
    lab = make_lab(sqlite, model, clock, None)
    await add_run(lab, tmp_path)
    shown = await lab.shown("ann", "ask.debug")
    assert "The loss jumped." in shown.body
    assert "It went from 0.4 to 1.6" in shown.body
    assert actions(shown) >= {"run.change", "lesson.open", "guide.open"}
    assert len(shown.files) == 2  # the curve and the config


async def test_a_sound_run_leads_to_the_guide(sqlite, model, clock, tmp_path):
    lab = make_lab(sqlite, model, clock, None)
    await add_run(lab, tmp_path, findings=())
    shown = await lab.shown("ann", "ask.debug")
    assert "found nothing wrong" in shown.body
    assert actions(shown) == {"guide.chosen"}


async def test_of_several_runs_one_is_chosen(sqlite, model, clock, tmp_path):
    lab = make_lab(sqlite, model, clock, None)
    await add_run(lab, tmp_path, 1)
    await add_run(lab, tmp_path, 2, findings=())
    shown = await lab.shown("ann", "ask.debug")
    assert {option.value for option in shown.menu.options} == {"r1", "r2"}
    assert "found nothing wrong" in (await lab.shown("ann", "ask.run", choice="r2")).body


async def test_a_model_reads_config_curve_and_findings_and_its_change_can_be_submitted(lab, llm, tmp_path):
    await add_run(lab, tmp_path)
    llm.answers = [Answer("The rate is too high [3.4].\n```yaml\ntraining:\n  learning_rate: 3.0e-4\n```\nTry it.")]
    await lab.shown("ann", "ask.debug")
    shown = await lab.answer("ann")
    for words in ('<data name="config of run 1">', "step 31: loss 1.6", "evaluation at step 40", "The loss jumped."):
        assert words in llm.said
    assert "learning_rate: 3.0e-4" in shown.body
    assert actions(shown) == {"ask.submit", "ask.read"}
    form = await lab.do("ann", "ask.submit", turn=str((await lab.turn("ann")).id))
    assert isinstance(form, Form)
    config = parse(form.fields[0].value).config
    assert (config.exercise, config.training.learning_rate) == ("match", 3e-4)


@pytest.mark.parametrize(
    "change", ["training:\n  learning_rate: 40", "model: made-up/model\nmethod: magic", "exercise: [1]"]
)
async def test_a_change_that_the_runner_would_refuse_is_not_shown(lab, llm, tmp_path, change):
    await add_run(lab, tmp_path)
    llm.answers = [Answer(f"Change this:\n```yaml\n{change}\n```")]
    await lab.shown("ann", "ask.debug")
    shown = await lab.answer("ann")
    assert "the runner would refuse" in shown.body
    assert change.splitlines()[-1] not in shown.body
    assert actions(shown) == set()


async def test_a_plan_and_a_quiz_are_made_from_what_is_known_of_the_learner(lab, llm):
    for mode, words in (("plan", "next lessons: [1.1]"), ("quiz", "weak topics: none known")):
        await lab.shown("ann", f"ask.{mode}")
        await lab.answer("ann")
        assert words in llm.said
