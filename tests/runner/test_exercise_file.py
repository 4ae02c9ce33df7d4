"""Exercises as an admin writes them: what is taken, and every mistake with its line and what would be right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config import ConfigError
from runner.exercise_file import METRICS, read_exercise, wrong_repo

LEAST = {
    "text-classification": "text_columns: [text]\nheads: {label: }\n",
    "multi-task": "text_columns: [text]\nheads: {topic: , tone: [quiet, loud]}\n",
    "text-generation": "text_columns: [story]\n",
}


def written(task: str = "text-classification", more: str = "", name: str = "news", dataset: str = "lab/news") -> str:
    return f"name: {name}\ntask: {task}\ndataset: {dataset}\n{LEAST[task]}{more}"


def wrong(source: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read_exercise(source)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("task", LEAST)
def test_the_least_that_an_exercise_says_is_enough(task: str) -> None:
    file = read_exercise(written(task))
    assert file.metric_name == METRICS[file.task][0]
    assert file.splits.train == "train"
    assert file.budget_for(1_000).train_tokens == 2_500


def test_all_that_it_can_say_is_taken() -> None:
    more = (
        "title: News\nsummary: Headlines.\nsubset: big\nrevision: v1.0\n"
        "splits: {train: learn, validation: dev, test: final}\nmetric: {name: macro-f1}\nbaseline: majority\n"
        "budget: {train_tokens: 5000, seconds: 60}\ndefaults: {model: tiny, training: {learning_rate: 1e-3}}\n"
    )
    file = read_exercise(written(more=more))
    assert (file.splits.test, file.metric_name, file.baseline_name) == ("final", "macro-f1", "majority")
    assert (file.budget_for(1).train_tokens, file.budget_for(1).seconds) == (5_000, 60)
    assert file.defaults["training"] == {"learning_rate": 1e-3}


def test_every_mistake_is_told_at_once_with_its_line() -> None:
    source = (
        "name: news\ntitel: x\ntask: text-clasification\ndataset: /etc/passwd\ntext_columns: text\n"
        "splits: {trian: a}\nbudget: {seconds: 0}\nmetric: accuracy\nheads: [label]\n"
    )
    found = wrong(source)
    assert [line.partition(":")[0] for line in found] == [f"line {n}" for n in (2, 3, 4, 5, 6, 7, 7, 8, 9)]
    assert "titel: unknown key; did you mean title?" in found[0]
    assert "did you mean text-classification?" in found[1]
    assert "looks like a path" in found[2]
    assert "this is a list of one or two columns, such as [text]" in found[3]
    assert "splits.trian: unknown key; did you mean train? The keys are train, validation, test" in found[4]
    assert "budget.train_tokens: missing" in found[5]
    assert "0 is out of range" in found[6]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "the config is empty"),
        ("name: news\n", "dataset: missing; the data set's name on the Hub, such as org/name"),
        (written(name="match"), "line 1: name: match is packaged; take another name"),
        (written(name="My News!"), "is no name: small letters, digits and -, 32 at most"),
        (written(dataset="/etc/passwd"), 'line 3: dataset: "/etc/passwd" looks like a path'),
        (written(dataset="../../data"), "looks like a path"),
        (written(dataset="text"), "lacks its owner"),
        (written(dataset="a--b/c"), "is no name on the Hub"),
        (written(more="revision: ../../x\n"), "is no branch, tag or commit"),
        (written(more="data_files: /etc/passwd\n"), "data_files: unknown key"),
        (written(more="trust_remote_code: true\n"), "trust_remote_code: unknown key"),
        (written().replace("{label: }", "{a: , b: }"), "one label column is needed, such as {label: }, and 2"),
        (written().replace("{label: }", "{label: [x]}"), "heads.label: two labels or more are needed, each once"),
        (written().replace("{label: }", "{label: [x, x]}"), "two labels or more are needed, each once"),
        (written().replace("{label: }", "{text: }"), '"text" is read as a text already'),
        (written("multi-task").replace(", tone: [quiet, loud]", ""), "two or more label columns are needed"),
        (written("text-generation", "heads: {label: }\n"), "a language model has no label columns"),
        (written("text-generation").replace("[story]", "[a, b]"), "a language model reads one column, and 2 are given"),
        (written("text-generation", "metric: {name: accuracy}\n"), "does not fit text-generation; write bits-per-byte"),
        (written(more="baseline: zlib\n"), "zlib does not fit text-classification; write linear or majority"),
        (written(more="defaults: {exercise: match}\n"), "defaults.exercise: the exercise is this one"),
        (written(more="defaults:\n  training:\n    learnig_rate: 1\n"), "line 8: defaults.training.learnig_rate"),
        (written(more="budget: {train_tokens: 1, seconds: 100000}\n"), "100000 is out of range"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_what_would_be_right(source: str, said: str) -> None:
    assert said in "\n".join(wrong(source))


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_whatever_is_sent_is_an_exercise_or_a_config_error(source: str | bytes) -> None:
    with pytest.raises(ConfigError):
        read_exercise(source)


@given(st.text(max_size=40))
def test_a_name_on_the_hub_never_leads_out_of_a_folder(name: str) -> None:
    if wrong_repo(name) is None:
        assert name.count("/") == 1
        assert ".." not in name
        assert not name.startswith(("/", ".", "~"))
