"""A model of the hub: its weights as safetensors, its tokenizer, and nothing that could run."""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, snapshot_download

from runner.catalog import Model
from runner.hub.repo import HubError, Repo, check_size, explained, look
from runner.shared_folder import publish

_TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
_INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"model(?:-\d{5}-of-\d{5})?\.safetensors")
_PICKLES = re.compile(r"[^/]*\.(?:bin|pt|pth|pkl|ckpt)")
# What makes transformers load code, kernels or other people's libraries, wherever it stands in a config.
_LOADS_CODE = re.compile(
    r"auto_map|custom_pipelines|trust_remote_code|.*(?:kernel|attn_implementation|experts_implementation).*"
)


def fetch_model(name: str, revision: str, store: str, most: int) -> Model:
    """Fetch a model and put it into the store, a folder's URL; `most` bounds its bytes. Raises HubError."""
    repo = look("model", name, revision)
    with tempfile.TemporaryDirectory(prefix="cohort-hub-") as work:
        folder = Path(work) / "model"
        wanted = _wanted(repo, Path(work))
        check_size(name, sum(repo.sizes[file] for file in wanted), most)
        with explained("model", name, revision):
            snapshot_download(name, revision=repo.revision, allow_patterns=wanted, local_dir=folder)
        _keep_only(folder, wanted)
        for file in ("config.json", "tokenizer_config.json"):
            _strip(folder / file)
        from runner.hub.measure import measure  # torch: only now is there something to look at

        model = measure(repo.name, folder)
        url = f"{store}/models/{repo.name.replace('/', '--')}@{repo.revision}"
        publish(folder, url)
    return replace(model, revision=repo.revision, files=url)


def _wanted(repo: Repo, work: Path) -> list[str]:
    """Return the files to fetch: safetensors, configs and the tokenizer. Raises HubError when they are not there."""
    if "config.json" not in repo.sizes:
        raise HubError(f"{repo.name} has no config.json, so it is no model that transformers can load")
    weights = list(_weights(repo, work))
    if not {"tokenizer.json", "vocab.txt", "vocab.json"} & set(repo.sizes):
        raise HubError(f"{repo.name} has no tokenizer.json, and its tokenizer cannot be loaded without running code")
    return ["config.json", *weights, *(file for file in _TOKENIZER if file in repo.sizes)]


def _weights(repo: Repo, work: Path) -> Iterator[str]:
    if "model.safetensors" in repo.sizes:
        yield "model.safetensors"
    elif _INDEX in repo.sizes:
        check_size(repo.name, repo.sizes[_INDEX], 10**7)
        with explained("model", repo.name, repo.revision):
            index = hf_hub_download(repo.name, _INDEX, revision=repo.revision, local_dir=work / "index")
        yield _INDEX
        yield from sorted(_shards(repo, Path(index)))
    elif pickles := [file for file in repo.sizes if _PICKLES.fullmatch(file)]:
        raise HubError(
            f"{repo.name} has its weights only as pickles ({pickles[0]}), and loading those can run any code: "
            "ask its authors for safetensors, or choose another model"
        )
    else:
        raise HubError(f"{repo.name} has no model.safetensors, so there are no whole weights to start from")


def _shards(repo: Repo, index: Path) -> set[str]:
    """Return the files that an index names; no path of it leads elsewhere."""
    found = _read(index).get("weight_map")
    shards = set(found.values()) if isinstance(found, dict) else set()
    if not shards or not all(isinstance(s, str) and _SHARD.fullmatch(s) and s in repo.sizes for s in shards):
        raise HubError(f"the index of {repo.name}'s weights names files that are not there")
    return shards


def _keep_only(folder: Path, wanted: list[str]) -> None:
    """Remove what the download left beside the files: its own bookkeeping."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif path.relative_to(folder).as_posix() not in wanted:
            path.unlink()


def _strip(file: Path) -> None:
    """Take out of a config whatever would load code."""
    if file.exists():
        data = _read(file)
        if "quantization_config" in data:
            raise HubError("its weights are quantized, and the runner trains whole ones: choose the original model")
        file.write_text(json.dumps(_without_code(data), indent=2), encoding="utf-8")


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise HubError(f"its {file.name} is no JSON object")
    return data


def _without_code(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_code(value) for key, value in data.items() if not _LOADS_CODE.fullmatch(key)}
    return [_without_code(value) for value in data] if isinstance(data, list) else data
