"""Data sets of the hub as exercises: what becomes of their rows, and what is refused."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runner.data.store import read
from tests.hub_repos import classes, parquet, pickled, topics
from tests.hub_server import HubServer
from tests.runner.hub_fetcher import Fetcher

TOPICS = """\
name: topics
task: text-classification
dataset: lab/topics
text_columns: [text]
heads: {topic: }
splits: {test: test}
"""


def written(dataset: str = "lab/topics", **keys: str) -> str:
    """Return an exercise's YAML with keys changed; an empty value leaves a key out."""
    lines = dict(line.split(": ", 1) for line in TOPICS.splitlines()) | {"dataset": dataset} | keys
    return "".join(f"{key}: {value}\n" for key, value in lines.items() if value)


def texts(made: dict[str, Any], split: str) -> list[str]:
    column: list[str] = getattr(read(Path(made["files"])), split)["text"].to_pylist()
    return column


def test_an_exercise_has_its_labels_sizes_budget_and_baselines_from_the_data(hub: HubServer, fetch: Fetcher) -> None:
    made = fetch.made("exercise", TOPICS)
    assert made["revision"] == hub.repos["datasets"]["lab/topics"].sha
    assert made["heads"] == {"topic": ["science", "sport"]}
    assert made["train_rows"] == 360
    assert made["metric"]["name"] == "accuracy"
    assert made["budget"] == {"train_tokens": round(2.5 * round(360 * made["tokens_per_row"])), "seconds": 900}
    card = read(Path(made["files"])).card
    assert card.rows == {"train": 360, "validation": 40, "test": 80}
    assert card.baselines["linear"]["accuracy"] > 0.95
    assert 0.4 < card.baselines["majority"]["accuracy"] < 0.6


def test_the_named_test_split_is_the_hidden_one(fetch: Fetcher) -> None:
    made = fetch.made("exercise", TOPICS)
    assert sorted(texts(made, "test")) == sorted(topics(80, seed=1)["text"])


def test_without_a_test_split_a_share_of_each_class_is_hidden_the_same_every_time(
    hub: HubServer, fetch: Fetcher
) -> None:
    made = fetch.made("exercise", written(splits=""))
    splits = read(Path(made["files"]))
    assert (splits.train.num_rows, splits.validation.num_rows, splits.test.num_rows) == (306, 34, 60)
    whole, hidden = Counter(topics(400)["topic"]), Counter(splits.test["topic"].to_pylist())
    assert {made["heads"]["topic"][n]: count for n, count in hidden.items()} == {
        label: round(0.15 * count) for label, count in whole.items()
    }
    assert fetch.made("exercise", written(splits="", name="again"))["files"] == made["files"]


def test_no_text_of_validation_or_test_is_in_the_training_rows(hub: HubServer, fetch: Fetcher) -> None:
    rows = topics(200)
    double = {name: [*values, *values] for name, values in rows.items()}
    hub.add("datasets", "lab/doubled", {"train.parquet": parquet(double), "test.parquet": parquet(rows)})
    refused = fetch.error("exercise", written("lab/doubled"))
    assert refused == "lab/doubled leaves 0 rows for train, and 32 are the least"
    made = fetch.made("exercise", written("lab/doubled", splits=""))
    train, validation, test = (set(texts(made, split)) for split in ("train", "validation", "test"))
    assert not train & validation
    assert not train & test
    assert not validation & test
    files = {f"{split}.parquet": parquet(topics(120)) for split in ("validation", "test")}
    hub.add("datasets", "lab/same", {**files, "train.parquet": parquet(topics(120, seed=3))})
    refused = fetch.error("exercise", written("lab/same", splits="{validation: validation, test: test}"))
    assert refused == "lab/same leaves 0 rows for validation, and 8 are the least"


def test_a_few_long_texts_are_dealt_out_whole(hub: HubServer, fetch: Fetcher) -> None:
    books = [" ".join(topics(50, seed=n)["text"]) for n in range(4)]
    hub.add("datasets", "lab/books", {"train.parquet": parquet({"text": books})})
    made = fetch.made("exercise", "name: books\ntask: text-generation\ndataset: lab/books\ntext_columns: [text]\n")
    splits = [texts(made, split) for split in ("train", "validation", "test")]
    assert [len(each) for each in splits] == [2, 1, 1]
    assert sorted(text for each in splits for text in each) == sorted(books)


def test_classes_are_called_as_the_card_calls_them(hub: HubServer, fetch: Fetcher) -> None:
    rows = topics(200)
    numbers = {"text": rows["text"], "label": rows["tone"]}
    files = {"train.parquet": parquet(numbers), "README.md": classes(["quiet", "loud"], "label")}
    hub.add("datasets", "lab/tones", files)
    made = fetch.made("exercise", written("lab/tones", splits="", heads="{label: }"))
    assert made["heads"] == {"label": ["quiet", "loud"]}
    named = fetch.made("exercise", written("lab/tones", splits="", heads="{label: [soft, noisy]}"))
    assert named["heads"] == {"label": ["soft", "noisy"]}


def test_several_label_columns_make_several_heads(fetch: Fetcher) -> None:
    made = fetch.made("exercise", written(task="multi-task", heads="{topic: , tone: [quiet, loud]}"))
    assert made["heads"] == {"topic": ["science", "sport"], "tone": ["quiet", "loud"]}
    assert made["metric"]["name"] == "macro-f1"


def test_texts_to_model_are_counted_in_bytes_and_have_compressors_for_baselines(fetch: Fetcher) -> None:
    source = "name: stories\ntask: text-generation\ndataset: lab/stories\ntext_columns: [story]\n"
    made = fetch.made("exercise", source)
    splits = read(Path(made["files"]))
    assert made["train_rows"] == len("".join(splits.train["text"].to_pylist()).encode())
    assert set(splits.card.baselines) == {"unigram", "zlib", "xz"}
    assert made["metric"]["higher_is_better"] is False
    assert made["defaults"]["model"] == "llama"


def test_another_metric_on_the_same_data_has_another_hash(fetch: Fetcher) -> None:
    one, other = (fetch.made("exercise", written(metric=f"{{name: {name}}}")) for name in ("accuracy", "macro-f1"))
    assert one["files"] != other["files"]


def test_rows_without_a_text_or_a_label_are_left_out(hub: HubServer, fetch: Fetcher) -> None:
    rows = topics(200)
    rows["text"][:10], rows["topic"][10:20] = [None] * 5 + [" "] * 5, [None] * 10
    hub.add("datasets", "lab/gaps", {"train.parquet": parquet(rows)})
    made = fetch.made("exercise", written("lab/gaps", splits=""))
    assert sum(read(Path(made["files"])).card.rows.values()) == 180


def test_csv_and_json_lines_are_read_too(hub: HubServer, fetch: Fetcher) -> None:
    rows = topics(200)
    lines = [f'{{"text": "{t}", "topic": "{y}"}}' for t, y in zip(rows["text"], rows["topic"], strict=True)]
    hub.add("datasets", "lab/lines", {"data.jsonl": "\n".join(lines).encode()})
    table = ["text,topic", *(f"{t},{y}" for t, y in zip(rows["text"], rows["topic"], strict=True))]
    hub.add("datasets", "lab/table", {"data.csv": "\n".join(table).encode()})
    one, other = (fetch.made("exercise", written(name, splits="")) for name in ("lab/lines", "lab/table"))
    assert one["files"] == other["files"]  # the same rows have the same hash


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"text_columns": "[txt]"}, "has no column txt; did you mean text? The columns are text, topic, tone"),
        ({"text_columns": "[tone]"}, "the column tone of lab/topics holds no texts but int64"),
        ({"heads": "{text_: }"}, "has no column text_; did you mean text?"),
        ({"heads": "{topic: [sport, art]}"}, "topic has science in lab/topics, and the labels given are sport, art"),
        ({"heads": "{tone: [a, b, c]}"}, "tone has 2 labels in lab/topics (0, 1), and 3 are given"),
        ({"splits": "{test: tset}"}, "has no split tset, for test; did you mean test?"),
        ({"subset": "big"}, "lab/topics has no subset big"),
        ({"revision": "v9"}, "lab/topics has no branch, tag or commit v9"),
        ({"dataset": "lab/topic"}, "the hub has no data set lab/topic, or hides it; did you mean lab/topics?"),
    ],
)
def test_what_does_not_fit_the_data_is_said_with_what_would(fetch: Fetcher, keys: dict[str, str], said: str) -> None:
    assert said in fetch.error("exercise", written(**keys))


def test_a_test_split_that_keeps_its_labels_to_itself_is_refused(hub: HubServer, fetch: Fetcher) -> None:
    rows, test = topics(100), topics(40, seed=1)
    test["tone"] = [-1] * 40
    hub.add("datasets", "lab/secret", {"train.parquet": parquet(rows), "test.parquet": parquet(test)})
    refused = fetch.error("exercise", written("lab/secret", heads="{tone: }"))
    assert refused.startswith("the split test of lab/secret keeps its labels to itself (they are all -1)")


def test_a_data_set_over_the_limit_is_refused_before_its_files_are_downloaded(hub: HubServer, fetch: Fetcher) -> None:
    hub.add("datasets", "lab/vast", {"train.parquet": parquet(topics(100))}, claims={"more/train-2.parquet": 10**12})
    refused = fetch.error("exercise", written("lab/vast", splits=""), most=10**6)
    assert refused.startswith("lab/vast has 1,000 GB to download, and at most 1 MB are fetched")
    assert not [path for path in hub.asked if path.startswith("/datasets/lab/vast/") and path.endswith(".parquet")]


def test_a_gated_data_set_says_so_and_is_read_with_a_token(
    hub: HubServer, fetch: Fetcher, fetch_with_token: Fetcher
) -> None:
    refused = fetch.error("exercise", written("lab/gated-topics", splits=""))
    assert refused.startswith(
        f"lab/gated-topics is gated: somebody has to accept its terms at {hub.url}/datasets/lab/gated"
    )
    assert fetch_with_token.made("exercise", written("lab/gated-topics", splits=""))["train_rows"] > 50


@pytest.mark.parametrize(
    "files",
    [
        "/etc/passwd",
        "/proc/self/environ",
        "../../../../etc/passwd",
        "hf://datasets/lab/topics/data/*",
        "http://127.0.0.1/x",
    ],
)
def test_a_card_that_points_at_files_elsewhere_is_refused(hub: HubServer, fetch: Fetcher, files: str) -> None:
    card = f"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: '{files}'\n---\n"
    hub.add("datasets", "lab/spy", {"README.md": card.encode(), "data.txt": b"harmless\n" * 50})
    refused = fetch.error("exercise", "name: spy\ntask: text-generation\ndataset: lab/spy\ntext_columns: [text]\n")
    assert refused == "the card of lab/spy names data that are not its own, so it is not read"


def test_pickles_and_scripts_are_never_opened(hub: HubServer, fetch: Fetcher, tmp_path: Path) -> None:
    mark = tmp_path / "pwned"
    hub.add("datasets", "lab/evil", {
        "evil.py": f"import os; os.system('touch {mark}')".encode(),
        "train.pkl": pickled(f"touch {mark}"),
    })  # fmt: skip
    assert "has no data that can be read" in fetch.error("exercise", written("lab/evil", splits=""))
    assert not mark.exists()


def test_formats_that_hold_more_than_data_are_refused(hub: HubServer, fetch: Fetcher) -> None:
    hub.add("datasets", "lab/tar", {"train.tar": b"\0" * 10_240})
    refused = fetch.error("exercise", written("lab/tar", splits=""))
    assert "webdataset" in refused
    assert "parquet" in refused


def test_a_broken_file_is_said(hub: HubServer, fetch: Fetcher) -> None:
    hub.add("datasets", "lab/broken", {"train.parquet": b"PAR1 not really PAR1"})
    assert fetch.error("exercise", written("lab/broken", splits="")).startswith("the data of lab/broken cannot be read")
