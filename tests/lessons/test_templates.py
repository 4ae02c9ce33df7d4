"""The training scripts: every rendering is Python as we would write it, and every script trains."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lessons import curriculum, profiles, render, templates

ROOT = Path(__file__).parents[2]
ALONE = ("trainer.py", "custom_loop.py", "multi_task.py", "causal_lm.py", "lora.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
ACCELERATE = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2")


def written(folder: Path, profile: str) -> Path:
    folder.mkdir()
    for name, template in templates().items():
        (folder / template.file).write_text(render(name, profile))
    return folder


@pytest.fixture(scope="module")
def renderings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every script for every profile, and for an old GPU."""
    folder = tmp_path_factory.mktemp("renderings")
    for profile in profiles():
        written(folder / profile, profile)
    for name, template in templates().items():
        (folder / f"fp16_{template.file}").write_text(render(name, "8gb", precision="fp16"))
    return folder


def python(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python on one thread a process, without GPU and network."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "home"),
    }
    command = [sys.executable, *map(str, arguments)]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert not ended.returncode, ended.stderr[-4000:] + ended.stdout[-2000:]
    return ended


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the scripts for one device have run with --smoke."""
    folder = written(tmp_path_factory.mktemp("trained") / "scripts", "24gb")
    python(Path(__file__).with_name("run_scripts.py"), folder, *ALONE, folder=folder)
    return folder


def test_every_rendering_is_formatted_and_free_of_lint(renderings: Path) -> None:
    files = list(renderings.rglob("*.py"))
    assert len(files) == len(templates()) * (len(profiles()) + 1)
    options = ("--config", ROOT / "pyproject.toml", "--config", "line-length=100", "--no-cache", renderings)
    python("-m", "ruff", "format", "--check", "--diff", *options, folder=renderings)
    python("-m", "ruff", "check", *options, folder=renderings)


def test_every_rendering_compiles_and_reads_on_a_few_screens(renderings: Path) -> None:
    for file in renderings.rglob("*.py"):
        source = file.read_text()
        compile(source, file.name, "exec")
        assert len(source.splitlines()) < 170, file


def test_a_rendering_says_what_it_is_filled_in_for() -> None:
    text = render("lora", "24gb")
    assert "Filled in for one GPU with 24 GB: Qwen3-4B, frozen in 16 bits" in text
    assert "CHECKPOINTING = True" in text
    assert "LEARNING_RATE = 2e-4 " in text


def test_model_data_and_precision_can_be_others() -> None:
    text = render("trainer", "24gb", model="my/model.v2", dataset="data-set", precision="fp16")
    assert 'MODEL = "my/model.v2" ' in text
    assert 'DATASET = "data-set" ' in text
    assert 'PRECISION = "fp16" ' in text
    assert "BERT-base" not in text  # whose memory is not the other's


@pytest.mark.parametrize(
    "name",
    [
        'a"; import os; "',
        "../../etc/passwd",
        "/etc",
        "a\nb",
        "a--b",
        "a/b/c",
        "x.git",
        "{{ model }}",
        "-a",
        "a" * 98,
        "é",
    ],
)
def test_what_is_no_name_on_the_hub_reaches_no_script(name: str) -> None:
    with pytest.raises(ValueError, match="is no name on the Hub"):
        render("trainer", "cpu", model=name)
    with pytest.raises(ValueError, match="is no name on the Hub"):
        render("trainer", "cpu", dataset=name)


def test_there_is_no_script_or_profile_of_another_name() -> None:
    with pytest.raises(KeyError, match="trainr"):
        render("trainr", "cpu")
    with pytest.raises(KeyError, match="tpu"):
        render("trainer", "tpu")


def test_every_script_has_its_lesson_and_a_file_that_hides_no_package() -> None:
    for name, template in templates().items():
        assert curriculum().lesson(template.lesson).slug == template.lesson
        assert name == template.name
        assert template.stem not in ("accelerate", "datasets", "peft", "torch", "transformers")


def test_a_classifier_takes_as_many_rows_an_update_everywhere() -> None:
    assert {profile.classifier.rows for profile in profiles().values()} == {32}
    for profile in profiles().values():
        for size in (profile.classifier, profile.causal_lm, profile.lora):
            assert size.rows % size.batch == 0


def test_the_trainer_learns_and_saves_a_model(trained: Path) -> None:
    out = trained / "runs" / "smoke-trainer"
    assert json.loads((out / "test_results.json").read_text())["test_accuracy"] == 1
    assert {"model.safetensors", "config.json", "tokenizer_config.json"} <= {file.name for file in out.iterdir()}


def test_the_loop_learns_and_a_resumed_run_ends_as_an_unbroken_one(trained: Path) -> None:
    printed = json.loads((trained / "printed.json").read_text())
    assert re.findall(r"^epoch (\d)", printed["custom_loop.py"], re.MULTILINE) == ["1", "2", "3"]
    assert "test accuracy 100.0%" in printed["custom_loop.py"]
    assert re.findall(r"^epoch (\d)", printed["resumed"], re.MULTILINE) == ["2", "3"]
    weights = Path("runs", "smoke-custom_loop", "model.safetensors")
    assert (trained / weights).read_bytes() == (trained / "resumed" / weights).read_bytes()


def test_both_heads_learn(trained: Path) -> None:
    printed = json.loads((trained / "printed.json").read_text())["multi_task.py"]
    assert re.findall(r"epoch 3: (\w+), .* 100.0% right", printed) == ["label", "genre"]
    assert (trained / "runs" / "smoke-multi_task" / "model.safetensors").exists()


def test_the_language_model_learns_its_sentence(trained: Path) -> None:
    printed = json.loads((trained / "printed.json").read_text())["causal_lm.py"]
    perplexity, bits = re.search(r"perplexity ([\d.]+), ([\d.]+) bits a byte", printed).groups()
    assert float(perplexity) < 20  # of 384 bytes it could be
    assert 2 ** float(bits) == pytest.approx(float(perplexity), rel=0.05)  # its tokens are bytes, but for the ends
    assert (trained / "runs" / "smoke-causal_lm" / "model.safetensors").exists()


def test_the_adapters_learn_and_are_saved_alone(trained: Path) -> None:
    printed = json.loads((trained / "printed.json").read_text())["lora.py"]
    before, after = map(float, re.search(r"loss on answers: ([\d.]+), then ([\d.]+)", printed).groups())
    assert after < 0.95 * before
    out = trained / "runs" / "smoke-lora"
    assert (out / "adapter_model.safetensors").exists()
    assert not (out / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("launch", "script"),
    [(TORCHRUN, "distributed.py"), (ACCELERATE, "accelerate_loop.py")],
    ids=["torchrun", "accelerate"],
)
def test_two_processes_train_one_model(launch: tuple[str, ...], script: str, tmp_path: Path) -> None:
    folder = written(tmp_path / "scripts", "multi-gpu")
    printed = python(*launch, script, "--smoke", folder=folder).stdout
    assert printed.count("test accuracy 100.0%") == 1
    assert (folder / "runs" / f"smoke-{Path(script).stem}" / "model.safetensors").exists()
