"""One repository of the hub, as its own metadata describe it: nothing is downloaded to look at it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from huggingface_hub import HfApi, constants, errors
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

# What every failed request raises, of whichever library this version of huggingface_hub speaks HTTP with.
HTTPError = errors.HTTPError  # type: ignore[attr-defined]
Kind = Literal["model", "dataset"]
MB, GB = 10**6, 10**9
_LISTED = 200  # names that a misspelt one is compared with


class HubError(Exception):
    """What is wanted of the hub cannot be had; the message is a sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository at one commit, with the bytes of each of its files."""

    kind: Kind
    name: str
    revision: str
    sizes: Mapping[str, int]


def look(kind: Kind, name: str, revision: str) -> Repo:
    """Return a repository as it is at a branch, tag or commit. Raises HubError."""
    api = HfApi()
    with explained(kind, name, revision):
        ask = api.model_info if kind == "model" else api.dataset_info
        info = ask(name, revision=revision, files_metadata=True)
        if info.gated:  # its metadata are open to everybody, its files are not
            api.auth_check(name, repo_type=kind)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    if info.sha is None:
        raise HubError(f"the hub does not say which commit {revision} of {name} is")
    return Repo(kind, info.id or name, info.sha, sizes)


def check_size(name: str, size: int, most: int) -> None:
    """Raise HubError when that many bytes are more than are fetched."""
    if size > most:
        raise HubError(
            f"{name} has {shown_size(size)} to download, and at most {shown_size(most)} are fetched: "
            "choose a smaller one, or have COHORT_HUB_BYTES raised"
        )


def shown_size(size: int) -> str:
    """Write a number of bytes as people do."""
    unit, name = (GB, "GB") if size >= GB else (MB, "MB")
    return f"{size / unit:,.0f} {name}" if size >= 10 * unit else f"{size / unit:.2g} {name}"


@contextmanager
def explained(kind: Kind, name: str, revision: str) -> Iterator[None]:
    """Turn what the hub answers into sentences."""
    where = f"{constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{name}"
    try:
        yield
    except GatedRepoError:
        raise HubError(
            f"{name} is gated: somebody has to accept its terms at {where}, and the bot needs that account's token "
            "in COHORT_HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise HubError(f"{name} has no branch, tag or commit {revision}") from None
    except RepositoryNotFoundError:
        raise HubError(f"the hub has no {_KINDS[kind]} {name}, or hides it{_nearest(kind, name)}") from None
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no status"
        raise HubError(f"the hub at {constants.ENDPOINT} answers {status} for {name}; try again later") from error
    except (HTTPError, OfflineModeIsEnabled):
        raise HubError(f"the hub at {constants.ENDPOINT} cannot be reached; try again later") from None


_KINDS: dict[Kind, str] = {"model": "model", "dataset": "data set"}


def _nearest(kind: Kind, name: str) -> str:
    """Return a question with the nearest name: of the same owner, or with the same words."""
    api, (owner, _, own) = HfApi(), name.partition("/")
    ask = api.list_models if kind == "model" else api.list_datasets
    try:
        found = [repo.id for repo in ask(author=owner, limit=_LISTED)] or [
            repo.id for repo in ask(search=own, limit=20)
        ]
    except HTTPError:
        return ""
    near = get_close_matches(name, found, n=1)
    return f"; did you mean {near[0]}?" if near else ""
