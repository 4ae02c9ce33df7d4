"""What is said of a sweep, from the runs that the store knows: who is best, what is a tie, what came to nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bot.command import Services
from bot.commands import sweep_report
from bot.store.database import Store
from bot.store.tables import Run, Sweep
from bot.study.finding import Finding
from bot.study.membership import Sender, identify
from bot.view import Message
from lessons import curriculum
from runner.run_dir import Result

RATE, DECAY = "training.learning_rate", "training.weight_decay"
Trials = Sequence[tuple[Mapping[str, Any], Sequence[float | None]]]


@pytest.fixture
def services() -> Services:
    return Services(curriculum(), "", lambda: 1)


@pytest.fixture
def told(store: Store, clock, services):
    """Return what is said of a sweep with these settings, each with the validation scores of its seeds."""

    async def tell(trials: Trials, kind: str = "grid", **values: Any) -> Message:
        async with store.write() as session:
            ann, lab = await identify(session, Sender("local", "ann", "Ann"), ("#lab", "lab"), clock.now)
            shared = {"group_id": lab.id, "learner_id": ann.id, "exercise": "match", "submitted": ""}
            shared |= {"chat": "local", "channel": "#lab"}
            usual = {"status": "ended", "trials": len(trials), "seeds": len(trials[0][1]), "asked": len(trials)}
            keys = list(trials[0][0])
            session.add(Sweep(id="s1", number=1, kind=kind, keys=keys, **shared | usual | values))
            await session.flush()
            number = 1
            for trial, (setting, scores) in enumerate(trials):
                for seed, score in enumerate(scores, 1):
                    number += 1
                    status = "failed" if score is None else "succeeded"
                    result = Result(status=status, validation=score, seed=seed).model_dump(mode="json")
                    known = {"config": "", "run_dir": "", "status": status, "result": result, "setting": setting}
                    run = Run(id=f"r{number}", number=number, sweep_id="s1", trial=trial, **shared, **known)
                    session.add(run)
        async with store.read() as session:
            return await sweep_report.draw_result(session, services, "s1", clock.now)

    return tell


async def test_the_best_comes_first_and_what_chance_may_explain_is_a_tie(told):
    said = await told([({RATE: 1e-5}, [0.60, 0.62]), ({RATE: 1e-4}, [0.80, 0.82]), ({RATE: 3e-4}, [0.81, 0.80])])
    assert said.title == "Sweep 1 · match · Ann: 81.0%"
    assert said.body.startswith("**Best: learning_rate 1e-4**, 81.0% ± 12.7 points (95% interval, t over 2 seeds)")
    assert "A tie with learning_rate 3e-4: they are less than 2.5 points apart, or the interval of" in said.body
    assert [row[:3] for row in said.rows] == [
        ("", "learning_rate", "accuracy"),
        ("best", "1e-4", "81.0%"),
        ("tie", "3e-4", "80.5%"),
        ("3", "1e-5", "61.0%"),
    ]


async def test_an_ablation_is_told_against_its_base(told):
    trials: Trials = [
        ({DECAY: 0.01, "method": "full"}, [0.80, 0.81, 0.82]),
        ({DECAY: 0.3, "method": "full"}, [0.801, 0.811, 0.821]),
        ({DECAY: 0.01, "method": "lora"}, [0.70, 0.71, 0.73]),
        ({DECAY: 0.01, "method": "ia3"}, [None, None, None]),
    ]
    said = await told(trials, "ablation")
    assert "Against the base (weight_decay 0.01, method full), paired by seed:" in said.body
    assert "- weight_decay 0.3: 0.1 points ± 0.0 points better, a tie" in said.body
    assert "- method lora: 9.7 points ± 1.4 points worse\n" in said.body
    assert "- method ia3: cannot be compared, one side has no score" in said.body
    assert "3 runs came to no score: weight_decay 0.01, method ia3 (3 of 3)." in said.body
    assert ("tie, base", "0.01", "full") in [row[:3] for row in said.rows]
    assert said.files[0].alt.startswith("Difference in validation accuracy to the base: weight_decay 0.3 +0.1 points")


async def test_a_unit_is_said_once(told):
    trials: Trials = [({RATE: 1e-3}, [3.2, 3.3]), ({RATE: 6e-3}, [2.2, 2.2])]
    said = await told(trials, exercise="stdlib")
    assert "2.200 ± 0.000 bits a byte (95% interval, t over 2 seeds)" in said.body
    assert said.rows[1] == ("best", "6e-3", "2.200", "0.000", "2")


async def test_seeds_alone_are_told_as_one_config(told):
    said = await told([({}, [0.80, 0.81, 0.82])])
    assert said.body.startswith("3 seeds of one config: 81.0% ± 2.5 points")


async def test_a_long_table_ends_and_names_the_first_ties(told):
    said = await told([({RATE: step / 1e5}, [0.8 + step / 1e4]) for step in range(1, 31)], "search")
    assert len(said.rows) == sweep_report.MOST_ROWS + 1
    assert "and 25 more: they are less than 2.5 points apart. One seed each" in said.body
    assert "Runs: 2 to 31." in said.body


async def test_a_finding_offers_its_change_its_lesson_and_its_page(told):
    finding = Finding("unstable", "It is unstable.", "80%, 50%.", {RATE: 5e-5}, "results-analysis")
    said = await told([({RATE: 1e-4}, [0.8, 0.5, 0.8])], finding=finding.as_json())
    assert "**It is unstable.** 80%, 50%. Try `training.learning_rate: 5e-05`." in said.body
    assert [(button.label, button.action) for button in said.buttons] == [
        ("Submit the best alone", "sweep.best:number=1"),
        ("Submit it with that change", "sweep.change:number=1"),
        ("Read the lesson", "lesson.open:slug=results-analysis"),
        ("How to debug this", "guide.open:name=debugging,place=unstable"),
    ]


async def test_when_nothing_came_to_a_score_it_says_why_if_all_say_the_same(told):
    said = await told([({RATE: 1e-4}, [None]), ({RATE: 1e-3}, [None])])
    assert said.title.endswith("no score")
    assert said.rows == (
        ("Run", "Setting", "Status"),
        ("2", "learning_rate 1e-4", "failed"),
        ("3", "learning_rate 1e-3", "failed"),
    )
    assert [button.action for button in said.buttons] == ["run.again:number=1"]
