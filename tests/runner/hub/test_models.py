"""Models of the hub: what is taken of a repository, and what is refused, with a sentence that says why."""

import json
from pathlib import Path

import pytest

from tests.hub_repos import changed, decoder, encoder, pickled
from tests.hub_server import HubServer
from tests.runner.hub_fetcher import Fetcher

KEPT = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def config_of(made: dict[str, str]) -> str:
    return (Path(made["files"]) / "config.json").read_text()


@pytest.mark.parametrize(
    ("name", "architecture", "parameters"),
    [
        ("lab/tiny-bert", "encoder", 21_408),
        ("lab/tiny-roberta", "encoder", 21_472),
        ("lab/tiny-distilbert", "encoder", 20_288),
        ("lab/tiny-gpt2", "decoder", 37_120),
    ],
)
def test_a_model_is_pinned_fetched_and_measured(
    hub: HubServer, fetch: Fetcher, name: str, architecture: str, parameters: int
) -> None:
    made = fetch.made("model", name)
    assert (made["name"], made["architecture"], made["parameters"]) == (name, architecture, parameters)
    longest = 63 if architecture == "decoder" else 64  # also of RoBERTa, whose config says 66
    assert made["max_length"] == longest
    assert made["revision"] == hub.repos["models"][name].sha
    assert {path.name for path in Path(made["files"]).iterdir()} == KEPT


def test_a_model_that_was_fetched_before_is_the_same_folder(fetch: Fetcher) -> None:
    assert fetch.made("model", "lab/tiny-bert") == fetch.made("model", "lab/tiny-bert")


def test_nothing_but_weights_configs_and_the_tokenizer_is_downloaded(
    hub: HubServer, fetch: Fetcher, tmp_path: Path
) -> None:
    mark = tmp_path / "pwned"
    extra = {
        "pytorch_model.bin": pickled(f"touch {mark}"),
        "modeling_evil.py": b"import os",
        "onnx/model.onnx": b"x" * 99,
    }
    hub.add("models", "lab/crowded", {**encoder(), **extra})
    made = fetch.made("model", "lab/crowded")
    assert {path.name for path in Path(made["files"]).iterdir()} == KEPT
    assert not [
        path for path in hub.asked if path.startswith("/lab/crowded/") and path.endswith((".bin", ".py", ".onnx"))
    ]
    assert not mark.exists()


def test_what_would_load_code_is_taken_out_of_the_configs(hub: HubServer, fetch: Fetcher) -> None:
    hostile = {"AutoModel": "modeling_evil.EvilModel", "AutoConfig": "configuration_evil.EvilConfig"}
    files = changed(encoder(), "config.json", auto_map=hostile, attn_implementation="evil/kernel", use_kernels=True)
    files = changed(files, "config.json", _attn_implementation_internal="evil/kernel", nested=[{"auto_map": hostile}])
    hub.add(
        "models", "lab/hostile", changed(files, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", None]})
    )
    made = fetch.made("model", "lab/hostile")
    for name in ("config.json", "tokenizer_config.json"):
        kept = (Path(made["files"]) / name).read_text()
        assert "evil" not in kept
        assert "kernel" not in kept
    assert not [path for path in hub.asked if path.startswith("/lab/") and "evil" in path]


def test_a_model_that_only_its_own_code_can_load_is_refused(hub: HubServer, fetch: Fetcher) -> None:
    strange = changed(
        encoder(), "config.json", model_type="evil", auto_map={"AutoConfig": "configuration_evil.EvilConfig"}
    )
    hub.add("models", "lab/strange", {**strange, "configuration_evil.py": b"raise SystemExit"})
    assert fetch.error("model", "lab/strange") == (
        "lab/strange is of a kind that transformers does not know without its repository's code"
    )


def test_pickled_weights_are_refused_and_never_opened(hub: HubServer, fetch: Fetcher, tmp_path: Path) -> None:
    mark = tmp_path / "pwned"
    files = {name: data for name, data in encoder().items() if name != "model.safetensors"}
    hub.add("models", "lab/pickled", {**files, "pytorch_model.bin": pickled(f"touch {mark}")})
    refused = fetch.error("model", "lab/pickled")
    assert refused.startswith(
        "lab/pickled has its weights only as pickles (pytorch_model.bin), and loading those can run"
    )
    assert "ask its authors for safetensors" in refused
    assert not mark.exists()
    assert "/lab/pickled/resolve/main/pytorch_model.bin" not in hub.asked


def test_a_repository_over_the_limit_is_refused_before_a_byte_of_it_is_downloaded(
    hub: HubServer, fetch: Fetcher
) -> None:
    hub.add("models", "lab/huge", {"config.json": b"{}", "tokenizer.json": b"{}"}, claims={"model.safetensors": 10**12})
    assert fetch.error("model", "lab/huge") == (
        "lab/huge has 1,000 GB to download, and at most 100 MB are fetched: "
        "choose a smaller one, or have COHORT_HUB_BYTES raised"
    )
    assert not [path for path in hub.asked if path.startswith("/lab/huge/")]


def test_a_gated_model_says_so_and_how_and_is_fetched_with_a_token(
    hub: HubServer, fetch: Fetcher, fetch_with_token: Fetcher
) -> None:
    refused = fetch.error("model", "lab/gated")
    assert refused == (
        f"lab/gated is gated: somebody has to accept its terms at {hub.url}/lab/gated, "
        "and the bot needs that account's token in COHORT_HF_TOKEN"
    )
    assert fetch_with_token.made("model", "lab/gated")["parameters"] == 21_408


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lab/tiny-brt", "the hub has no model lab/tiny-brt, or hides it; did you mean lab/tiny-bert?"),
        ("lob/tiny-gpt2", "the hub has no model lob/tiny-gpt2, or hides it; did you mean lab/tiny-gpt2?"),
        ("nobody/xyz", "the hub has no model nobody/xyz, or hides it"),
        ("lab/tiny-bert@v9", "lab/tiny-bert has no branch, tag or commit v9"),
    ],
)
def test_a_missing_model_is_said_with_the_nearest_name(fetch: Fetcher, name: str, said: str) -> None:
    assert fetch.error("model", name) == said


def test_an_index_that_leads_elsewhere_is_refused(hub: HubServer, fetch: Fetcher) -> None:
    files = {name: data for name, data in encoder().items() if name != "model.safetensors"}
    for target in ("../../secret.safetensors", "/etc/passwd", "model-00002-of-00002.safetensors"):
        index = json.dumps({"weight_map": {"embeddings.weight": target}}).encode()
        hub.add("models", "lab/astray", {**files, "model.safetensors.index.json": index})
        assert fetch.error("model", "lab/astray") == "the index of lab/astray's weights names files that are not there"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"README.md": b"hello"}, "has no config.json"),
        ({"config.json": b"{}", "adapter_model.safetensors": b"x"}, "has no model.safetensors"),
        ({**encoder(), "tokenizer.json": b"{"}, "the tokenizer of lab/odd cannot be loaded"),
        ({**encoder(), "config.json": b"[" * 50_000}, "its config.json is no JSON object"),
        (changed(encoder(), "config.json", quantization_config={"load_in_4bit": True}), "its weights are quantized"),
        (changed(encoder(), "config.json", is_encoder_decoder=True), "is an encoder with a decoder"),
        (changed(encoder(), "config.json", hidden_size=48, num_attention_heads=2), "the weights of lab/odd"),
        ({**encoder(), "model.safetensors": decoder()["model.safetensors"]}, "do not fit its config.json"),
        ({**encoder(), "model.safetensors": b"not safetensors"}, "the weights of lab/odd cannot be loaded"),
        (changed(encoder(), "config.json", max_position_embeddings=8), "the weights of lab/odd"),
    ],
)  # fmt: skip
def test_a_repository_that_is_no_model_to_train_is_refused(
    hub: HubServer, fetch: Fetcher, files: dict[str, bytes], said: str
) -> None:
    hub.add("models", "lab/odd", files)
    assert said in fetch.error("model", "lab/odd")
