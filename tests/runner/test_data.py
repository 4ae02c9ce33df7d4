"""Built-in data: the splits hide nothing and leak nothing, and every build gives the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from runner.data import Card, DataError, Splits, docstrings, load
from runner.data.docstrings import clean, collect
from runner.data.tasks import ROWS, TASKS, split
from runner.exercise import exercises


@pytest.fixture(scope="module", params=list(TASKS))
def splits(request: pytest.FixtureRequest) -> Splits:
    return load(request.param)


def test_a_docstring_keeps_its_first_paragraph_and_its_prose() -> None:
    source = """Return the sum of all terms.

    It stops early when
    they no longer matter.

    Args:
        terms: numbers.
    """
    assert clean(source, "total") == (
        "Return the sum of all terms.",
        "Return the sum of all terms. It stops early when they no longer matter.",
    )


@pytest.mark.parametrize(
    ("docstring", "name", "masked"),
    [
        ("Softmax along the last dimension.", "softmax", "NAME along the last dimension."),
        ("Like `scipy.stats.norm` but in place.", "f", "Like NAME but in place."),
        ("Calls get_loss and then step() once.", "f", "Calls NAME and then NAME once."),
        ("Builds a DataFrame from PyTorch tensors.", "f", "Builds a NAME from NAME tensors."),
        ("Uses :class:`~torch.nn.Linear` layers only.", "f", "Uses NAME layers only."),
    ],
)
def test_names_in_a_docstring_are_masked(docstring: str, name: str, masked: str) -> None:
    assert clean(docstring, name)[0] == masked


@pytest.mark.parametrize("docstring", ["", "Too short.", "Größe der Menge, aus der gezogen wird."])
def test_docstrings_that_say_too_little_or_are_not_ascii_are_left_out(docstring: str) -> None:
    assert clean(docstring, "f") == ("", "")


def test_a_source_file_is_in_one_split_only() -> None:
    files = {name: {docstring.file for docstring in dealt} for name, dealt in split(collect("networkx")).items()}
    assert all(files.values())
    assert not files["train"] & files["validation"]
    assert not files["train"] & files["test"]
    assert not files["validation"] & files["test"]


def test_no_row_is_in_two_splits(splits: Splits) -> None:
    texts = [set(table["docstring"].to_pylist()) for table in (splits.train, splits.validation, splits.test)]
    assert len(set.union(*texts)) == sum(map(len, texts))


def test_the_card_describes_the_tables(splits: Splits) -> None:
    card = splits.card
    assert card.rows == {name: getattr(splits, name).num_rows for name in ROWS}
    assert splits.train.column_names == [*card.text_columns, *card.heads]
    for head, labels in card.heads.items():
        assert set(splits.train[head].to_pylist()) == set(range(len(labels)))


def test_labels_are_balanced_in_any_first_part_of_the_train_split(splits: Splits) -> None:
    """`max_train_samples` takes the first rows."""
    head, names = next(iter(splits.card.heads.items()))
    labels = splits.train[head].to_pylist()[:800]
    share = len(labels) / len(names)
    assert all(abs(labels.count(label) - share) < 0.05 * len(labels) for label in set(labels))


def test_a_name_or_a_docstring_alone_does_not_tell_whether_they_match() -> None:
    rows = load("match").train.to_pylist()
    assert len({row["name"].lower() for row in rows}) == len(rows)
    assert len({row["docstring"] for row in rows}) == len(rows)


def test_each_of_several_heads_has_its_baselines_and_their_mean_is_the_task_s() -> None:
    card = load("multi").card
    assert list(card.head_baselines) == list(card.heads)
    for name, scores in card.baselines.items():
        by_head = [each[name]["macro-f1"] for each in card.head_baselines.values()]
        assert scores["macro-f1"] == pytest.approx(sum(by_head) / len(by_head), abs=1e-4)
    assert not load("match").card.head_baselines


def test_a_linear_baseline_is_near_chance_on_match_and_far_above_it_on_library() -> None:
    match, library = load("match").card.baselines, load("library").card.baselines
    assert 0.45 < match["linear"]["accuracy"] < 0.6
    assert library["linear"]["macro-f1"] > library["majority"]["macro-f1"] + 0.4


@pytest.mark.parametrize("name", exercises())
def test_an_exercise_says_truly_what_its_data_are(name: str) -> None:
    exercise = exercises()[name]
    card = load(exercise.dataset).card
    assert (exercise.text_columns, exercise.heads) == (card.text_columns, card.heads)
    assert exercise.train_rows == pytest.approx(card.rows["train"], rel=0.1)
    assert exercise.metric.name in card.baselines[exercise.baseline]
    if exercise.heads:
        assert exercise.tokens_per_row == pytest.approx(card.tokens_per_row, rel=0.1)


def test_source_code_is_whole_files_each_in_one_split() -> None:
    splits = load("stdlib")
    files = [set(table["file"].to_pylist()) for table in (splits.train, splits.validation, splits.test)]
    assert len(set.union(*files)) == sum(map(len, files))
    assert splits.card.rows["test"] == sum(len(text.encode()) for text in splits.test["text"].to_pylist())
    assert splits.card.rows["test"] > 300_000


def test_a_compressor_that_looks_further_back_needs_fewer_bits() -> None:
    scores = {name: metrics["bits-per-byte"] for name, metrics in load("stdlib").card.baselines.items()}
    assert scores["xz"] < scores["zlib"] < scores["unigram"] < 8


def test_two_processes_that_build_at_once_both_get_the_usual_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runner", "data", "match"]
    environment = {"COHORT_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    cards = [Card.model_validate_json(process.communicate()[0]) for process in both]
    assert cards == [load("match").card] * 2
    assert [path.suffix for path in sorted((tmp_path / "data").iterdir())] == ["", ".lock"]


def test_an_unknown_data_set_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(DataError, match="no built-in data set 'imdb'; there are match, library, multi, stdlib"):
        load("imdb")


def test_a_missing_library_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstrings, "LIBRARIES", ("numpy", "no-such-library"))
    with pytest.raises(DataError, match="no-such-library is missing: pip install no-such-library"):
        docstrings.versions()
