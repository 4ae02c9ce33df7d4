"""Real trainings of the three kinds on what came from the hub, in processes that have no hub."""

import json
import socket
from pathlib import Path

import fsspec
import pytest

from runner import training
from runner.analysis import Analysis
from runner.catalog import PACKAGED, Catalog, Own
from runner.config import ConfigError, parse
from runner.run_dir import Inputs, Result, RunDir
from runner.shared_folder import local_copy, publish
from tests.hub_server import HubServer
from tests.runner.hub_fetcher import Fetcher

TRAIN = "training: {per_device_train_batch_size: 16, learning_rate: 5.0e-3, max_steps: 20, logging_steps: 5}\n"
BUDGET = "budget: {train_tokens: 1000000, seconds: 600}\n"
EXERCISES = {
    "topics": "task: text-classification\ndataset: lab/topics\ntext_columns: [text]\nheads: {topic: }\n",
    "both": "task: multi-task\ndataset: lab/topics\ntext_columns: [text]\nheads: {topic: , tone: [quiet, loud]}\n",
    "stories": "task: text-generation\ndataset: lab/stories\ntext_columns: [story]\n",
}


@pytest.fixture(scope="module")
def catalog(fetch: Fetcher) -> Catalog:
    exercises = [fetch.made("exercise", f"name: {name}\n{source}{BUDGET}") for name, source in EXERCISES.items()]
    names = ("lab/tiny-bert", "lab/tiny-roberta", "lab/tiny-distilbert", "lab/tiny-deberta", "lab/tiny-gpt2")
    made = [Own.model_validate({"exercise": each}).exercise for each in exercises]
    models = [Own.model_validate({"model": fetch.made("model", name)}).model for name in names]
    return PACKAGED.plus(filter(None, made), filter(None, models))


def train(
    folder: Path, config: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, inputs: Inputs | None = None
) -> Result:
    """Train where nothing can be reached: what a run needs is in its directory and in the store."""
    monkeypatch.setenv("COHORT_CACHE", str(folder / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    parsed = parse(config, catalog).config
    run_dir = RunDir(str(folder / "run"))
    run_dir.create(config, inputs, own=Own.of(parsed.exercise, parsed.model, catalog))
    assert training.run(run_dir.url) == 0, run_dir.result()
    result = run_dir.result()
    assert result
    return result


def test_classification_learns_with_an_encoder_of_the_hub(
    hub: HubServer, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: reached.append(address))
    longer = TRAIN.replace("max_steps: 20", "max_steps: 150")
    result = train(tmp_path, f"exercise: topics\nmodel: lab/tiny-bert\n{longer}", catalog, monkeypatch)
    assert result.test is not None
    assert result.test > 0.8
    assert set(result.baselines) == {"majority", "linear"}
    assert result.data_hash == Path(catalog.exercises["topics"].files or "").name
    assert result.revisions == {
        "lab/topics": hub.repos["datasets"]["lab/topics"].sha,
        "lab/tiny-bert": hub.repos["models"]["lab/tiny-bert"].sha,
    }
    assert reached == []


@pytest.mark.parametrize("model", ["lab/tiny-roberta", "lab/tiny-distilbert", "lab/tiny-deberta", "tiny"])
def test_two_heads_learn_on_encoders_with_a_pooler_and_without(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    result = train(tmp_path, f"exercise: both\nmodel: {model}\n{TRAIN}", catalog, monkeypatch)
    assert set(result.also) == {"topic", "tone"}
    assert result.metric == "macro-f1"


@pytest.mark.parametrize("model", ["lab/tiny-gpt2", "llama"])
def test_a_language_model_is_scored_in_bits_a_byte_of_the_texts_whatever_its_tokenizer(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    data = "data: {max_length: 63}\n" if model != "llama" else "data: {max_length: 64, vocab_size: 300}\n"
    result = train(tmp_path, f"exercise: stories\nmodel: {model}\n{data}{TRAIN}", catalog, monkeypatch)
    assert result.test is not None
    assert 0 < result.test < 8
    assert result.also["bytes_per_token"] > 1


def test_adapters_train_on_models_of_the_hub_or_say_which_do(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = f"exercise: topics\nmodel: lab/tiny-distilbert\nmethod: METHOD\n{TRAIN}"
    result = train(tmp_path, config.replace("METHOD", "lora"), catalog, monkeypatch)
    assert 0 < result.trainable < result.parameters / 2
    run_dir = RunDir(str(tmp_path / "other"))
    run_dir.create(config.replace("METHOD", "ia3"), own=Own.of("topics", "lab/tiny-distilbert", catalog))
    assert training.run(run_dir.url) == 1
    refused = run_dir.result()
    assert refused
    assert refused.error == "Ia3 does not know where to act in lab/tiny-distilbert; lora and full do."


def test_a_run_is_repeated_from_its_own_directory(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.again import run_again

    train(tmp_path, f"exercise: topics\nmodel: lab/tiny-bert\n{TRAIN}", catalog, monkeypatch)
    same, lines = run_again(RunDir(str(tmp_path / "run")))
    assert same, lines


def test_a_pretrained_language_model_keeps_its_own_tokenizer_and_a_gentle_rate(catalog: Catalog) -> None:
    config = parse("exercise: stories\nmodel: lab/tiny-gpt2\ndata: {max_length: 63}\n", catalog).config
    assert (config.data.tokenizer, config.training.learning_rate) == ("model", 1e-4)
    with pytest.raises(ConfigError, match=r"data\.tokenizer: lab/tiny-gpt2 was trained with its own tokenizer"):
        parse("exercise: stories\nmodel: lab/tiny-gpt2\ndata: {max_length: 63, tokenizer: bytes}\n", catalog)


def test_configs_keep_to_what_a_model_can_do(catalog: Catalog) -> None:
    with pytest.raises(ConfigError) as refused:
        parse("exercise: topics\nmodel: lab/tiny-gpt2\n", catalog)
    assert "lab/tiny-gpt2 is a decoder, and topics needs the other kind" in str(refused.value)
    with pytest.raises(ConfigError, match="65 is more than the 64 tokens that lab/tiny-bert can read"):
        parse("exercise: topics\nmodel: lab/tiny-bert\ndata: {max_length: 65}\n", catalog)
    with pytest.raises(ConfigError, match=r"did you mean lab/tiny-bert\?"):
        parse("exercise: topics\nmodel: lab/tiny-brt\n", catalog)


def test_a_run_whose_files_are_gone_says_so(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHORT_CACHE", str(tmp_path / "cache"))
    run_dir = RunDir(str(tmp_path / "run"))
    own = Own.of("topics", "lab/tiny-bert", catalog)
    assert own.exercise
    gone = own.exercise.model_copy(update={"files": str(tmp_path / "nowhere")})
    run_dir.create(f"exercise: topics\nmodel: lab/tiny-bert\n{TRAIN}", own=own.model_copy(update={"exercise": gone}))
    assert training.run(run_dir.url) == 1
    result = run_dir.result()
    assert result
    assert result.error
    assert result.error.startswith("The data of topics are gone")


def test_what_is_in_object_storage_is_copied_once(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHORT_CACHE", str(tmp_path / "cache"))
    folder, url = Path(catalog.models["lab/tiny-bert"].files), "memory://store/models/lab--tiny-bert"
    publish(folder, url)
    copy = local_copy(url)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    fsspec.filesystem("memory").rm("/store", recursive=True)
    with pytest.raises(FileNotFoundError):
        local_copy(url)
    publish(folder, url)
    assert local_copy(url) == copy


def test_what_a_run_carries_is_read_back_as_it_was(catalog: Catalog, tmp_path: Path) -> None:
    run_dir = RunDir(str(tmp_path))
    own = Own.of("both", "lab/tiny-gpt2", catalog)
    run_dir.create("exercise: both\n", own=own)
    assert run_dir.own() == own
    assert json.loads((tmp_path / "own.json").read_text())["model"]["name"] == "lab/tiny-gpt2"
    packaged = RunDir(str(tmp_path / "packaged"))
    packaged.create("exercise: match\n", own=Own.of("match", "minilm", catalog))
    assert not (tmp_path / "packaged" / "own.json").exists()
    assert packaged.own() == Own()


@pytest.mark.parametrize(
    "config",
    [
        "exercise: topics\nmodel: lab/tiny-bert\nmethod: METHOD\n",
        "exercise: both\nmodel: lab/tiny-distilbert\nmethod: METHOD\n",
        "exercise: stories\nmodel: lab/tiny-gpt2\nmethod: METHOD\ndata: {max_length: 63}\n",
    ],
)
def test_a_model_of_the_hub_teaches_another_and_both_are_looked_at_closely(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    train(tmp_path / "teacher", config.replace("METHOD", "lora") + TRAIN, catalog, monkeypatch)
    student = config.replace("METHOD", "distillation") + TRAIN
    taught_by = Inputs(teacher=str(tmp_path / "teacher" / "run"))
    train(tmp_path, f"{student}distillation: {{teacher: 1}}\n", catalog, monkeypatch, taught_by)
    for folder in (tmp_path / "teacher", tmp_path):
        found = Analysis.model_validate_json(RunDir(str(folder / "run")).read("analysis.json") or b"")
        assert found.errors or (found.positions and found.samples)
