import pytest

from runner.config_names import EXPLANATION, MEANT_BY, right_names, unknown_key
from runner.config_schema import KEYS


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("training.learnig_rate", "unknown key; did you mean learning_rate?"),
        ("training.Learning-Rate", "unknown key; did you mean learning_rate?"),
        ("training.lr", "unknown key; did you mean learning_rate?"),
        ("lr", "unknown key; did you mean training.learning_rate?"),
        ("epochs", "unknown key; did you mean training.num_train_epochs?"),
        ("batch_size", "unknown key; did you mean training.per_device_train_batch_size?"),
        ("scheduler", "unknown key; did you mean training.lr_scheduler_type?"),
        ("max_seq_length", "unknown key; did you mean data.max_length?"),
        ("training.max_seq_length", "unknown key; did you mean data.max_length?"),
        ("base_model", "unknown key; did you mean model?"),
        ("lora_r", "unknown key; did you mean lora.r?"),
        ("lora.rank", "unknown key; did you mean r?"),
        ("exercize", "unknown key; did you mean exercise?"),
        ("learnin_rate", "unknown key; did you mean training.learning_rate?"),
        ("learning_rate", "learning_rate belongs under training:"),
        ("lora_alpha", "lora_alpha belongs under lora:"),
        ("training.lora_alpha", "lora_alpha belongs under lora:, not training:"),
        ("training.model", "model belongs at the top level, without indentation"),
        (
            "data.zzz",
            "unknown key; the keys here are max_length, max_train_samples, word_dropout, tokenizer, vocab_size, "
            "packing",
        ),
        ("training.zzz", "unknown key"),
    ],
)
def test_an_unknown_key_gets_the_likeliest_right_one(key: str, message: str):
    assert unknown_key(tuple(key.split("."))) == message


def test_a_dotted_key_is_told_to_be_nested():
    assert unknown_key(("training.seed",)) == "seed belongs under training:"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("evaluation_strategy", "eval_strategy"),
        ("warmup_ratio", "write warmup_steps, which below 1 is a share"),
        ("group_by_length", "train_sampling_strategy: group_by_length"),
        ("per_gpu_train_batch_size", "per_device_train_batch_size"),
        ("gradient_checkpointing", "activation_checkpointing"),
        ("no_cuda", "its CPU where there is none"),
        ("tf32", "bf16: auto"),
        ("resume_from_checkpoint", "/run resume"),
        ("hub_token", "keep tokens out of configs"),
        ("trust_remote_code", "configs are data only"),
        ("auto_map", "configs are data only"),
        ("_component_", "configs are data only"),
    ],
)
def test_names_that_are_gone_or_not_offered_are_explained(name: str, words: str):
    for path in ((name,), ("training", name)):
        assert unknown_key(path).startswith("unknown key; ")
        assert words in unknown_key(path)


def test_every_synonym_leads_to_a_key_that_exists_and_is_none_itself():
    keys = {f"{section}.{key}".removeprefix(".") for section, names in KEYS.items() for key in names}
    assert set(MEANT_BY.values()) <= keys
    own = {name for names in KEYS.values() for name in names}
    assert not own & (set(MEANT_BY) | set(EXPLANATION))
    assert not set(MEANT_BY) & set(EXPLANATION)


def test_a_key_too_long_to_be_a_misspelling_is_only_unknown():
    assert unknown_key(("training", "learning_rate" * 1_000)) == "unknown key"


def test_right_names_are_listed_after_the_nearest():
    names = ("minilm", "tiny")
    assert right_names("minlm", names, "models") == "did you mean minilm? The models are minilm, tiny"
    assert right_names("all-MiniLM-L6-v2", names, "models").startswith("did you mean minilm?")
    assert right_names("gpt2", names, "models") == "the models are minilm, tiny"
