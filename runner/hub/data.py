"""A data set of the hub as an exercise: read by `datasets`, checked, dealt out to splits, with its baselines.

What a data set's author says is not trusted: its card may name files anywhere, so they are compared with the
repository's own list before one is opened, and only formats that hold nothing but data are read.
"""

import errno
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import DownloadConfig, get_dataset_config_names, load_dataset_builder
from huggingface_hub import DatasetCard, hf_hub_download

from runner.config_errors import quoted, shown_key
from runner.config_names import right_names
from runner.data import Card
from runner.data.store import write
from runner.exercise import Exercise
from runner.exercise_file import ExerciseFile
from runner.hub.dealing import deal, exercise_of
from runner.hub.repo import HTTPError, HubError, Repo, check_size, explained, look
from runner.hub.rows import read_rows
from runner.shared_folder import local_copy, publish

FORMATS = ("parquet", "csv", "json", "text", "arrow")
CARDS = ("README.md", ".huggingface.yaml")


def make_exercise(file: ExerciseFile, store: str, most: int) -> Exercise:
    """Make an exercise of a data set, its data put into the store, a folder's URL. Raises HubError."""
    repo = look("dataset", file.dataset, file.revision)
    with tempfile.TemporaryDirectory(prefix="cohort-hub-") as work:
        with explained("dataset", repo.name, file.revision):
            builder = _builder(file, repo, work)
            check_size(repo.name, sum(_sizes(builder, repo)), most)
            tables = _tables(file, builder)
        rows = {name: read_rows(file, name, table) for name, table in tables.items()}
        dealt = deal(file, rows)
        url = f"{store}/data/{dealt.hash}"
        if (card := _card_at(url)) is None:
            card = dealt.card(file)
            write(Path(work) / "made", dealt.tables, card)
            publish(Path(work) / "made", url)
    return exercise_of(file, dealt, card, repo.revision, url)


def _card_at(url: str) -> Card | None:
    """Return the card of data that are in the store already: their baselines need no second fit."""
    try:
        return Card.model_validate_json((local_copy(url) / "card.json").read_bytes())
    except FileNotFoundError:
        return None


def _builder(file: ExerciseFile, repo: Repo, work: str) -> Any:
    """Return what `load_dataset` would build the data with; nothing of them is downloaded yet."""
    _check_card(repo)
    subset = _subset(file, repo)
    options = {
        "revision": repo.revision,
        "cache_dir": work,
        "download_config": DownloadConfig(cache_dir=f"{work}/files"),
    }
    try:
        builder = load_dataset_builder(repo.name, subset, **options)
    except HTTPError:
        raise
    except Exception as error:
        raise HubError(f"{repo.name} has no data that can be read: {_first_line(error)}") from error
    if (kind := type(builder).__module__.rpartition(".")[2]) not in FORMATS:
        raise HubError(f"{repo.name} holds {kind} files, and texts are read from {', '.join(FORMATS)}")
    return builder


def _check_card(repo: Repo) -> None:
    """Refuse a card whose files are elsewhere: on this machine's disk, in another repository, on another server."""
    for name in CARDS:
        if name not in repo.sizes:
            continue
        check_size(f"the card of {repo.name}", repo.sizes[name], 10**6)
        path = hf_hub_download(repo.name, name, revision=repo.revision, repo_type="dataset")
        text = Path(path).read_text(encoding="utf-8")
        try:
            said = DatasetCard(text if name.endswith(".md") else f"---\n{text}\n---\n", ignore_metadata_errors=True)
            patterns = list(_patterns(getattr(said.data, "configs", None) or []))
        except Exception as error:
            raise HubError(f"the card of {repo.name} cannot be read: {_first_line(error)}") from error
        for pattern in patterns:
            if pattern.startswith(("/", "~")) or ":" in pattern or ".." in pattern:
                raise HubError(f"the card of {repo.name} names data that are not its own, so it is not read")


def _patterns(configs: Any) -> Iterator[str]:
    """Yield every string below `data_files` and `data_dir`."""
    if isinstance(configs, str):
        yield configs
    elif isinstance(configs, list):
        for each in configs:
            yield from _patterns(each)
    elif isinstance(configs, Mapping):
        named = {key: configs[key] for key in ("data_files", "data_dir", "path") if key in configs}
        for each in (named or configs).values():
            yield from _patterns(each)


def _subset(file: ExerciseFile, repo: Repo) -> str | None:
    try:
        names = get_dataset_config_names(repo.name, revision=repo.revision)
    except HTTPError:
        raise
    except Exception as error:
        raise HubError(f"{repo.name} has no data that can be read: {_first_line(error)}") from error
    if file.subset is None and len(names) > 1 and "default" not in names:
        raise HubError(
            f"{repo.name} has several subsets; write subset: and one of {', '.join(map(shown_key, names[:20]))}"
        )
    if file.subset is not None and file.subset not in names:
        raise HubError(f"{repo.name} has no subset {file.subset}; {_choices(file.subset, names, 'subsets')}")
    return file.subset


def _sizes(builder: Any, repo: Repo) -> Iterator[int]:
    """Yield the bytes of every file that the builder would open; all of them are the repository's own."""
    own = f"hf://datasets/{repo.name}@{repo.revision}/"
    for files in (builder.config.data_files or {}).values():
        for url in files:
            path = str(url).removeprefix(own)
            if path not in repo.sizes:
                raise HubError(f"the card of {repo.name} names data that are not its own, so it is not read")
            yield repo.sizes[path]


def _tables(file: ExerciseFile, builder: Any) -> dict[str, Any]:
    """Return the named splits as `datasets.Dataset`s, by our names for them."""
    splits = {"train": file.splits.train, "validation": file.splits.validation, "test": file.splits.test}
    there = list(builder.config.data_files or {})
    for name, split in splits.items():
        if split is not None and split not in there:
            raise HubError(f"{file.dataset} has no split {split}, for {name}; {_choices(split, there, 'splits')}")
    try:
        # Sizes and sums that a card names are not compared: our own hash says what the data are.
        builder.download_and_prepare(verification_mode="no_checks")
    except HTTPError:
        raise
    except Exception as error:  # a file may be broken in any way
        cause = error.__cause__ or error
        full = isinstance(cause, OSError) and cause.errno in (errno.EFBIG, errno.ENOSPC)
        why = "they unpack to more than there is room for" if full else _first_line(cause)
        raise HubError(f"the data of {file.dataset} cannot be read: {why}") from error
    return {name: builder.as_dataset(split=split) for name, split in splits.items() if split is not None}


def _choices(name: str, choices: Sequence[str], noun: str) -> str:
    return right_names(name, [shown_key(choice) for choice in choices[:20]], noun)


def _first_line(error: BaseException) -> str:
    """Return what an exception says, fit to be shown: it may repeat what a stranger wrote."""
    lines = str(error).strip().splitlines()
    return quoted(lines[0]) if lines else type(error).__name__
