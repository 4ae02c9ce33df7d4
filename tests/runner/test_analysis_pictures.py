"""The closer look at a run: what the pictures show, read back from their pixels, and say."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from runner.analysis import Analysis, Errors, PositionLoss
from runner.analysis_pictures import (
    draw_errors,
    draw_heads,
    draw_positions,
    errors_alt,
    heads_alt,
    positions_alt,
)
from runner.exercise import exercises
from runner.run_dir import RunDir
from runner.style import BACKGROUND, ORANGE, SKY

MULTI = exercises()["multi"].metric
ERRORS = Errors(head="label", labels=("no", "yes"), counts=((40, 0), (30, 10)), f1=(0.73, 0.4))
POSITIONS = (PositionLoss(first=1, loss=4.5), PositionLoss(first=2, loss=3.0), PositionLoss(first=9, loss=2.25))
SCORES = {"library": 0.6, "kind": 0.8}
BASELINES = {"library": {"majority": 0.03, "linear": 0.7}, "kind": {"majority": 0.2, "linear": 0.78}}


def pixels(png: bytes, color: str) -> int:
    picture = imread(io.BytesIO(png))[..., :3]
    return int(np.all(np.abs(picture - to_rgb(color)) < 0.02, axis=-1).sum())


def test_a_row_that_is_all_right_is_blue_and_one_that_is_wrong_is_orange() -> None:
    right = Errors(head="label", labels=("no", "yes"), counts=((40, 0), (0, 40)), f1=(1, 1))
    wrong = Errors(head="label", labels=("no", "yes"), counts=((0, 40), (40, 0)), f1=(0, 0))
    assert pixels(draw_errors(right, "t"), SKY) > 10_000 > pixels(draw_errors(right, "t"), ORANGE)
    assert pixels(draw_errors(wrong, "t"), ORANGE) > 10_000 > pixels(draw_errors(wrong, "t"), SKY)


def test_a_label_without_rows_and_many_labels_with_long_names_are_drawn() -> None:
    names = tuple(f"a_very_long_name_{n}" for n in range(12))
    none = tuple((0,) * 12 for _ in names)
    assert pixels(draw_errors(Errors(head="label", labels=names, counts=none, f1=(0.0,) * 12), "t"), BACKGROUND) > 10**5


def test_the_matrix_in_words_has_the_commonest_confusion() -> None:
    assert errors_alt(ERRORS) == (
        "Confusion matrix: 50 of 80 rows are right; yes taken for no 30 times. F1: no 0.73, yes 0.40."
    )


@pytest.mark.parametrize("positions", [POSITIONS, POSITIONS[:1]])
def test_the_loss_by_position_is_a_line_or_a_dot(positions: tuple[PositionLoss, ...]) -> None:
    assert pixels(draw_positions(positions, "t"), SKY) > 20


def test_the_loss_by_position_in_words() -> None:
    assert positions_alt(POSITIONS) == (
        "Validation loss by position in the block: 4.50 nats a token with 1 token of context, 2.25 from 9 tokens on."
    )


def test_each_task_stands_beside_its_own_baselines() -> None:
    assert pixels(draw_heads(SCORES, BASELINES, MULTI, "t"), ORANGE) > 10_000
    assert draw_heads(SCORES, {}, MULTI, "t")  # a run of before there were any
    assert heads_alt(SCORES, BASELINES, MULTI) == (
        "macro-f1 of each task on the hidden test: library 60.0%, majority baseline 3.0%, linear baseline 70.0%; "
        "kind 80.0%, majority baseline 20.0%, linear baseline 78.0%."
    )


def test_an_analysis_comes_back_from_its_run_directory(tmp_path) -> None:
    run_dir = RunDir(str(tmp_path))
    assert Analysis.of(run_dir) is None
    whole = Analysis(errors=(ERRORS,), positions=POSITIONS)
    whole.write(run_dir)
    assert Analysis.of(run_dir) == whole
