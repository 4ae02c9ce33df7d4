"""Curves: what is drawn for good, broken and empty runs, read back from the picture's pixels."""

import io
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from runner.curves import alt_text, draw
from runner.exercise import Metric
from runner.history import History
from runner.run_dir import Eval, Step
from runner.style import BACKGROUND, GREEN, ORANGE, RED, SKY

ACCURACY = Metric(name="accuracy")
BASELINES = {"majority": 0.5, "linear": 0.53}


def history(losses: list[float], scores: list[float]) -> History:
    steps = [Step(step=n, epoch=n / 10, loss=loss, learning_rate=1e-4) for n, loss in enumerate(losses, start=1)]
    evals = [Eval(step=n, epoch=n / 10, loss=0.5, score=score) for n, score in enumerate(scores, start=1)]
    return History(None, tuple(steps), tuple(evals), ())


GOOD = history([0.69, 0.5, 0.4], [0.6, 0.8])
DIVERGED = history([0.69, 5.0, 9000.0, math.nan, math.nan], [0.5])
EMPTY = history([], [])


def pixels(png: bytes, color: str) -> int:
    """Count the picture's pixels of a colour."""
    picture = imread(io.BytesIO(png))[..., :3]
    return int(np.all(np.abs(picture - to_rgb(color)) < 0.02, axis=-1).sum())


@pytest.mark.parametrize("color", [ORANGE, SKY, GREEN])
def test_a_good_run_shows_both_losses_and_the_score(color: str) -> None:
    assert pixels(draw(GOOD, "run 1", ACCURACY, BASELINES), color) > 100


def test_only_a_diverged_run_is_marked_where_it_broke() -> None:
    assert pixels(draw(DIVERGED, "run 2", ACCURACY, BASELINES), RED) > 100
    assert pixels(draw(GOOD, "run 1", ACCURACY, BASELINES), RED) == 0


@pytest.mark.parametrize("few", [EMPTY, history([0.7], []), history([math.nan], []), history([0.7], [math.nan])])
def test_a_run_with_next_to_nothing_logged_is_drawn(few: History) -> None:
    png = draw(few, "run 3", ACCURACY, {}, size=(4.0, 5.0))
    assert imread(io.BytesIO(png)).shape[:2] == (500, 400)
    assert pixels(png, BACKGROUND) > 100_000


def test_threads_draw_the_same_picture_at_the_same_time() -> None:
    with ThreadPoolExecutor(4) as pool:
        pictures = set(pool.map(lambda _: draw(GOOD, "run 1", ACCURACY, BASELINES), range(4)))
    assert pictures == {draw(GOOD, "run 1", ACCURACY, BASELINES)}


def test_the_alternative_text_says_what_the_picture_shows() -> None:
    assert alt_text(GOOD, ACCURACY) == (
        "Learning curves: training loss from 0.69 to 0.4 by step 3, validation loss 0.5 at the end, "
        "best validation accuracy 80.0% at step 2."
    )
    assert "not a number from step 4 on" in alt_text(DIVERGED, ACCURACY)
    assert alt_text(EMPTY, ACCURACY) == "Learning curves without a logged step."


def test_the_best_score_of_an_error_is_the_smallest() -> None:
    bits = Metric(name="bits per byte", unit="", higher_is_better=False)
    assert "best validation bits per byte 2.100 at step 2" in alt_text(history([1.0], [2.5, 2.1, 2.3]), bits)
