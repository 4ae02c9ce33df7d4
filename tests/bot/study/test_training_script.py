"""Which settings a training script gets for what a learner trains on."""

import pytest

from bot.study.hardware import Hardware, read_hardware
from bot.study.training_script import fill_in, profile_of
from lessons import profiles, templates


@pytest.mark.parametrize(
    ("words", "profile"),
    [
        ("my laptop's CPU", "cpu"),
        ("an M2 with 16 GB", "cpu"),
        ("GTX 1650", "cpu"),  # 4 GB are too little for the smallest GPU's settings
        ("RTX 4060", "8gb"),
        ("Colab", "8gb"),
        ("a 4090", "24gb"),
        ("an A100 with 40 GB", "24gb"),
        ("H100", "80gb"),
        ("2x3090", "multi-gpu"),
        ("two T4s on kaggle", "8gb"),  # each has to hold everything
        ("8 H100s", "80gb"),
        ("a GPU", "8gb"),
        ("four gpus", "multi-gpu"),
    ],
)
def test_the_largest_settings_that_fit_are_taken(words, profile):
    found = read_hardware(words)
    assert found
    assert profile_of(found) == profile


def test_hardware_that_is_not_known_gets_what_runs_anywhere():
    assert profile_of(Hardware("unknown")) == "cpu"
    assert profile_of(Hardware("large-gpu")) == "24gb"  # pressed, without a model's name


def test_a_gpu_without_bf16_gets_fp16():
    assert 'PRECISION = "fp16"' in fill_in("loop", Hardware("gpu", "T4", 1, 16)).text
    assert 'PRECISION = "bf16"' in fill_in("loop", Hardware("gpu", "RTX 3070", 1, 8, bf16=True)).text
    assert 'PRECISION = "fp32"' in fill_in("loop", Hardware("gpu", "GTX 1650", 1, 4)).text


@pytest.mark.parametrize("name", templates())
def test_every_script_says_what_it_is_filled_in_for(name):
    script = fill_in(name, Hardware("gpu", "RTX 4090", 1, 24, bf16=True))
    assert script.template == templates()[name]
    assert script.profile == profiles()["24gb"]
    assert f"Filled in for {script.profile.title}" in script.text
