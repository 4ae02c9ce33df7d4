"""`cohort check`: what it says of a config and of a sweep without submitting them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        ("exercise: match\n", 0, "good to train\n"),
        ("exercise: match\ntraining: {seed: [1, 2, 3]}\n", 0, "good to train, in 3 runs\n"),
        ("exercise: match\ntraining: {learning_rate: [1e-4, 1e-2]}\n", 0, "warning: line 2: training.learning_rate"),
        ("exercise: match\ntraining: {lerning_rate: 1}\n", 2, "did you mean learning_rate?"),
        ("exercise: match\ntraining: {seed: [1, x]}\n", 2, 'line 2: training.seed: "x" is text'),
    ],
)
def test_a_config_is_checked_with_a_code_for_scripts(tmp_path: Path, config: str, code: int, words: str) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(config)
    done = CliRunner().invoke(cli, ["check", str(file)])
    assert done.exit_code == code
    assert words in done.output
