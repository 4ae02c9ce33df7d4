"""Several runs in one picture, and a run's model card."""

import io

from matplotlib.image import imread

from runner.comparison import Named, alt_text, draw_comparison
from runner.config import parse
from runner.exercise import exercises
from runner.history import History
from runner.model_card import model_card
from runner.run_dir import Eval, Result, Start, Step

METRIC = exercises()["match"].metric


def history(last: float) -> History:
    losses = [0.7, 0.5, last]
    events = [Step(step=n, epoch=n / 3, loss=loss, learning_rate=1e-4) for n, loss in enumerate(losses, 1)]
    start = Start(total_steps=3, parameters=1, trainable=1, train_rows=1, device="cpu")
    return History.of([start, *events, Eval(step=3, epoch=1.0, loss=0.5, score=1 - last)])


def test_runs_are_drawn_each_in_a_color_of_its_own() -> None:
    picture = imread(io.BytesIO(draw_comparison([Named("1", history(0.4)), Named("2", history(0.2))], "t", METRIC)))
    colors = {tuple((pixel[:3] * 255).round().astype(int)) for row in picture[::2] for pixel in row[::2]}
    assert {(230, 159, 0), (86, 180, 233)} <= colors


def test_the_picture_is_told_in_words_and_a_run_without_steps_breaks_nothing() -> None:
    runs = [Named("1", history(0.4)), Named("2", History.of([]))]
    assert draw_comparison(runs, "t", METRIC)
    assert "1: training loss ends at 0.4, validation accuracy at 60.0%" in alt_text(runs, METRIC)
    assert "2: no step was logged" in alt_text(runs, METRIC)


def test_a_model_card_has_score_baselines_and_what_it_takes_to_do_it_again() -> None:
    result = Result(
        status="succeeded",
        test=0.851,
        test_interval=(0.83, 0.87),
        baselines={"linear": 0.493},
        seed=42,
        versions={"torch": "2.13.0"},
    )
    card = model_card(parse("exercise: match\nmethod: lora").config, result, "run 3")
    assert "85.1% (83.0% to 87.0%)" in card
    assert "Baseline, linear | 49.3%" in card
    assert "library_name: peft" in card
    assert "method: lora" in card
    assert "torch 2.13.0" in card
