"""Pictures of sweeps: each kind is drawn, and described for who cannot see it."""

import io
from itertools import product

import pytest
from PIL import Image

from runner.exercise import exercises
from runner.sweep_picture import alt_text, draw
from runner.sweep_scores import Cell

RATE, DECAY, METHOD = "training.learning_rate", "training.weight_decay", "method"
VALUES = {RATE: (1e-5, 1e-4, 1e-3), DECAY: (0.0, 0.1), METHOD: ("full", "lora")}
METRIC = exercises()["match"].metric


def cells(*keys: str, lost: int = 0, seeds: int = 3) -> list[Cell]:
    """Cells of a grid, the first `lost` of them without a score; the last is the best."""
    settings = [dict(zip(keys, values, strict=True)) for values in product(*(VALUES[key] for key in keys))]
    return [
        Cell(setting, {}, seeds)
        if place < lost
        else Cell(setting, {seed: 0.5 + 0.02 * place + 0.01 * seed for seed in range(seeds)})
        for place, setting in enumerate(settings)
    ]


@pytest.mark.parametrize("kind", ["grid", "ablation", "search"])
@pytest.mark.parametrize("keys", [(RATE,), (METHOD,), (RATE, METHOD), (DECAY, RATE), (RATE, DECAY, METHOD)])
@pytest.mark.parametrize(("lost", "seeds"), [(0, 1), (0, 3), (1, 3), (99, 2)])
def test_every_kind_of_sweep_has_a_picture_whatever_came_to_a_score(kind, keys, lost, seeds):
    found = cells(*keys, lost=lost, seeds=seeds)
    picture = Image.open(io.BytesIO(draw(found, keys, kind, "Sweep 3 · match · Ann", METRIC)))
    assert picture.size == (1000, 560)
    assert alt_text(found, kind, METRIC).endswith(".")


def test_seeds_alone_have_a_picture_too():
    found = [Cell({}, {1: 0.81, 2: 0.83, 3: 0.5})]
    assert draw(found, [], "grid", "Sweep 3", METRIC).startswith(b"\x89PNG")
    assert alt_text(found, "grid", METRIC) == (
        "Validation accuracy of one config: 81.0% with seed 1, 83.0% with seed 2, 50.0% with seed 3; mean 71.3%."
    )


def test_the_alternative_text_names_best_and_worst_or_the_differences_to_the_base():
    found = cells(RATE, seeds=1)
    assert alt_text(found, "grid", METRIC) == (
        "Validation accuracy of 3 settings: best 54.0% with learning_rate 1e-3, worst 50.0% with learning_rate 1e-5."
    )
    assert alt_text(found, "ablation", METRIC) == (
        "Difference in validation accuracy to the base: learning_rate 1e-4 +2.0 points; learning_rate 1e-3 +4.0 points."
    )
    assert alt_text(cells(RATE, lost=9), "grid", METRIC) == "A sweep in which no run came to a score."


def test_a_score_of_which_less_is_better_is_drawn_the_other_way_round():
    found = [Cell({RATE: rate, METHOD: "full"}, {1: bits}) for rate, bits in ((1e-3, 2.6), (6e-3, 2.2))]
    bits = exercises()["stdlib"].metric
    assert "best 2.200 bits a byte with learning_rate 6e-3" in alt_text(found, "grid", bits)
    assert draw(found, [RATE, METHOD], "grid", "Sweep 3", bits) != draw(
        found, [RATE, METHOD], "grid", "Sweep 3", METRIC
    )
