import tempfile
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Trainer, TrainingArguments, get_scheduler

from runner import config_rules
from runner.catalog import MODELS, PACKAGED, Model
from runner.config import Config, ConfigError, Data, Training, parse, total_steps
from runner.exercise import exercises
from runner.training.arguments import scheduler_kwargs

MATCH = exercises()["match"]  # 8,000 rows of 24 tokens, 490,000 tokens to spend


def wrong(source: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(source)
    return [str(problem) for problem in caught.value.problems]


def suspicious(source: str) -> list[str]:
    return [str(problem) for problem in parse(source).warnings]


def training(**keys: Any) -> str:
    return "exercise: match\ntraining:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items())


# ---- how many steps


@given(
    rows=st.integers(16, 9_000),
    batch=st.integers(1, 512),
    accumulation=st.integers(1, 64),
    epochs=st.floats(0.01, 50),
    max_steps=st.sampled_from([-1, 1, 7, 1_000]),
)
@settings(max_examples=30, deadline=None)
def test_steps_are_counted_as_the_trainer_counts_them(
    rows: int, batch: int, accumulation: int, epochs: float, max_steps: int
):
    config = Config(
        exercise="match",
        training=Training(
            num_train_epochs=epochs,
            max_steps=max_steps,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
        ),
        data=Data(max_train_samples=rows),
    )
    arguments = TrainingArguments(
        output_dir=tempfile.gettempdir(),  # it makes the folder even if it saves nothing
        use_cpu=True,
        report_to="none",
        num_train_epochs=epochs,
        max_steps=max_steps,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
    )
    data = [{"x": 0}] * min(rows, MATCH.train_rows)
    trainer = Trainer(torch.nn.Linear(1, 1), arguments, train_dataset=data)
    assert (
        total_steps(config, MATCH) == trainer.set_initial_training_values(arguments, trainer.get_train_dataloader())[-1]
    )


def test_all_rows_are_used_where_none_are_left_out():
    config = Config(exercise="match", data=Data(max_train_samples=None))
    assert total_steps(config, MATCH) == 2 * MATCH.train_rows // 32


@pytest.mark.parametrize("name", Training.model_json_schema()["properties"]["lr_scheduler_type"]["enum"])
def test_every_scheduler_that_is_offered_can_be_built(name: str):
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=0.1)
    kwargs = scheduler_kwargs(Training(lr_scheduler_type=name, max_steps=10), rows=1)
    get_scheduler(name, optimizer, num_warmup_steps=2, num_training_steps=10, scheduler_specific_kwargs=kwargs)


def test_every_training_key_is_one_of_the_trainers():
    assert set(Training.model_fields) <= set(TrainingArguments.__dataclass_fields__)


# ---- errors


def test_an_unknown_exercise_gets_the_nearest_and_all_of_them():
    assert wrong("exercise: mach") == [
        'line 1: exercise: there is no exercise "mach"; did you mean match? The exercises are library, match, multi, '
        "stdlib"
    ]


@pytest.mark.parametrize(
    "path", ["../../x", "/abs", "~/model", "./m", "C:x", "C:/model", "a/../b", "a\\b", "/proc/self"]
)
def test_a_model_that_looks_like_a_path_is_refused(path: str):
    (problem,) = wrong(f"exercise: match\nmodel: {path}")
    assert problem.startswith("line 2: model: ")
    assert problem.endswith(" looks like a path, and a model is chosen by its name; the models are minilm, tiny")


def test_a_model_on_the_hub_is_refused_with_what_there_is():
    (problem,) = wrong("exercise: match\nmodel: sentence-transformers/all-MiniLM-L6-v2")
    assert "is none of the Hub's models that this group allows; its admins can allow another" in problem
    assert problem.endswith("did you mean minilm? The models are minilm, tiny")


def test_an_unknown_model_gets_the_list():
    assert wrong("exercise: match\nmodel: gpt5") == [
        'line 2: model: there is no model "gpt5"; the models are minilm, tiny'
    ]


def test_texts_may_not_be_longer_than_the_model_reads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(MODELS, "short", Model("short", "a short one", "encoder", 1, False, "random", 128))
    source = "exercise: match\nmodel: short\ndata: {max_length: 200}"
    assert wrong(source) == ["line 3: data.max_length: 200 is more than the 128 tokens that short can read"]


def test_zero_steps_are_refused():
    assert wrong(training(max_steps=0)) == [
        "line 3: training.max_steps: 0 steps train nothing; -1 leaves it to num_train_epochs"
    ]


@pytest.mark.parametrize("key", ["warmup_steps", "eval_steps", "logging_steps"])
def test_from_one_on_steps_are_whole(key: str):
    (problem,) = wrong(training(**{key: 6.5}))
    assert problem == (
        f"line 3: training.{key}: 6.5 is neither a share of all steps (below 1) nor a whole number of steps; "
        "write 0.065 for 6.5%, or 6"
    )
    assert parse(training(**{key: "6.0"})).warnings == parse(training(**{key: 0.5})).warnings == ()


def test_a_warmup_that_does_not_end_is_refused():
    assert wrong(training(warmup_steps=250)) == [
        "line 3: training.warmup_steps: warmup over 250 steps does not end in a run of 250; "
        "0.06 is a share that is often good"
    ]
    assert suspicious(training(warmup_steps=249)) == []


def test_the_best_model_needs_evaluations():
    (problem,) = wrong(training(load_best_model_at_end="true", eval_strategy="no"))
    assert problem.startswith("line 3: training.load_best_model_at_end: without evaluations")


def test_a_run_over_budget_is_told_what_fits_and_that_fits():
    (problem,) = wrong(training(num_train_epochs=10))
    assert problem == (
        "line 3: training.num_train_epochs: this run would see about 960,000 tokens, and match allows 490,000; "
        "with 4,000 rows the largest num_train_epochs that fits is 5.1"
    )
    assert suspicious(training(num_train_epochs=5.1)) == []
    assert wrong(training(num_train_epochs=5.11))


def test_steps_over_budget_are_told_how_many_fit():
    (problem,) = wrong(training(max_steps=5_000))
    assert problem.endswith("match allows 490,000; the largest max_steps that fits is 638")
    assert suspicious(training(max_steps=638)) == []
    assert wrong(training(max_steps=639))


def test_shorter_texts_and_fewer_rows_cost_less():
    assert parse(training(num_train_epochs=10) + "data: {max_train_samples: 2000}")
    assert parse(training(num_train_epochs=10) + "data: {max_length: 12}")


@given(epochs=st.floats(0.01, 50), rows=st.one_of(st.none(), st.integers(16, 9_000)), length=st.integers(8, 512))
@settings(deadline=None)
def test_the_budget_is_kept_or_the_run_is_refused(epochs: float, rows: int | None, length: int):
    config = Config(
        exercise="match",
        training=Training(num_train_epochs=epochs),
        data=Data(max_train_samples=rows, max_length=length),
    )
    over = config_rules.train_tokens(config, MATCH) > MATCH.budget.train_tokens
    assert over == bool(list(config_rules.within_budget(config, PACKAGED)))


def test_a_mistake_is_told_once_and_not_again_by_rules_that_build_on_it():
    assert len(wrong(training(num_train_epochs=-3, warmup_steps=1_000))) == 1
    assert len(wrong(training(max_steps=0, warmup_steps=1_000))) == 1
    assert len(wrong(training(num_train_epochs=50, warmup_steps=1.5))) == 2


# ---- warnings


def test_lora_at_a_full_rate_is_suspicious():
    (warning,) = suspicious("exercise: match\nmethod: lora\ntraining: {learning_rate: 5e-5}")
    assert warning.startswith("line 3: training.learning_rate: 5e-05 is a rate for full fine-tuning")
    assert warning.endswith("try 2e-3")
    assert suspicious("exercise: match\nmethod: lora\ntraining: {learning_rate: 2e-3}") == []


def test_a_method_brings_its_own_learning_rate():
    assert suspicious("exercise: match\nmethod: lora") == []
    assert parse("exercise: match\nmethod: lora").config.training.learning_rate == 2e-3
    assert parse("exercise: match\nmethod: lora\ntraining: {learning_rate: 1e-3}").config.training.learning_rate == 1e-3
    assert parse("exercise: match").config.training.learning_rate == 1e-4


def test_an_optimizer_brings_its_own_learning_rate():
    assert suspicious(training(optim="sgd")) == []
    assert parse(training(optim="sgd")).config.training.learning_rate == 0.1
    assert parse(training(optim="adagrad")).config.training.learning_rate == 1e-3
    assert parse("exercise: match\nmethod: lora\ntraining: {optim: sgd}").config.training.learning_rate == 2e-3
    (warning,) = suspicious(training(optim="sgd", learning_rate="1e-4"))
    assert warning.endswith("0.0001 is a rate for AdamW; with sgd the model ends where it began; try 0.1")


@pytest.mark.parametrize(("rate", "word"), [("3e-3", "high"), ("1e-6", "low")])
def test_a_full_rate_that_is_known_to_fail_is_suspicious(rate: str, word: str):
    (warning,) = suspicious(training(learning_rate=rate))
    assert f"is {word}" in warning
    assert warning.endswith("try 1e-4")


def test_a_model_from_scratch_may_learn_fast():
    assert suspicious("exercise: match\nmodel: tiny\ntraining: {learning_rate: 3e-3}") == []


def test_a_lora_section_without_lora_is_suspicious():
    assert suspicious("exercise: match\nlora: {r: 4}") == [
        "line 2: lora: not used with method: full; write method: lora"
    ]


def test_warmup_under_a_constant_schedule_is_suspicious():
    (warning,) = suspicious(training(lr_scheduler_type="constant", warmup_steps=10))
    assert warning == (
        "line 4: training.warmup_steps: the constant schedule ignores warmup_steps; constant_with_warmup heeds it"
    )
    assert suspicious(training(lr_scheduler_type="constant", warmup_steps=0)) == []
    assert suspicious(training(lr_scheduler_type="constant_with_warmup", warmup_steps=10)) == []


def test_epochs_beside_steps_are_suspicious():
    assert suspicious(training(max_steps=100, num_train_epochs=3)) == [
        "line 4: training.num_train_epochs: not used, because max_steps is 100; keep one of the two"
    ]


def test_evaluations_that_never_come_are_suspicious():
    found = suspicious(training(eval_steps=251, logging_steps=300))
    assert found == [
        "line 3: training.eval_steps: the first evaluation would come after step 251, and the run has 250; "
        "try 0.2, a fifth of all steps",
        "line 4: training.logging_steps: the loss would be logged every 300 steps, and the run has 250; try 0.02",
    ]
    assert suspicious(training(eval_steps=250, logging_steps=250)) == []


def test_eval_steps_that_nothing_reads_are_suspicious():
    assert suspicious(training(eval_strategy="epoch", eval_steps=50)) == [
        "line 4: training.eval_steps: not used with eval_strategy: epoch"
    ]


def test_more_rows_than_there_are_is_suspicious():
    assert suspicious("exercise: match\ndata: {max_train_samples: 9000}") == [
        "line 2: data.max_train_samples: match has 8,000 rows to train on; all of them are used"
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("exercise: library\nmodel: llama", "llama is a decoder, and library needs the other kind: minilm or tiny"),
        ("exercise: stdlib\nmodel: minilm", "minilm is an encoder, and stdlib needs the other kind: llama or gpt2"),
        (
            "exercise: stdlib\ndata: {tokenizer: model}",
            "llama starts from random weights and has no tokenizer of its own; write bpe or bytes",
        ),
        ("exercise: multi\nmulti: {loss_weights: {kind: 1}}", "one weight each is needed for library and kind"),
        (
            "exercise: multi\nmulti: {loss_weights: {library: 0, kind: 0}}",
            "weights are at least 0, and not all of them 0",
        ),
        ("exercise: match\ntraining: {fp16: true, bf16: true}", "bf16 is on as well; keep one of the two"),
        (
            "exercise: match\nearly_stopping_patience: 2",
            "early stopping goes back to the best model: write load_best_model_at_end: true as well",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(source: str, problem: str):
    (found,) = wrong(source)
    assert found.endswith(problem)


@pytest.mark.parametrize(
    ("source", "warning"),
    [
        ("exercise: match\nprompt_tuning: {num_virtual_tokens: 5}", "write method: prompt-tuning"),
        ("exercise: match\nmulti: {loss_weights: {kind: 1}}", "not used: match has one head"),
        ("exercise: match\nmodel: tiny\nmethod: ia3", "ia3 leaves most of them as they are; full trains all"),
        ("exercise: multi\nclass_weights: balanced", "multi is no task with one set of classes"),
    ],
)
def test_what_will_do_nothing_is_suspicious(source: str, warning: str):
    (found,) = suspicious(source)
    assert found.endswith(warning)


# ---- models of the hub


HUB = PACKAGED.plus(
    models=[
        Model("lab/large", "lab/large", "encoder", 335_000_000, True, "hub", 512),
        Model("lab/small", "lab/small", "encoder", 4_000_000, True, "hub", 128),
    ]
)


def test_a_large_model_of_the_hub_is_warned_about_where_there_is_no_gpu():
    (warning,) = parse("exercise: match\nmodel: lab/large\n", HUB).warnings
    assert "335 million parameters take about" in str(warning)
    assert "on two CPU cores, and match ends a run after 15" in str(warning)
    assert parse("exercise: match\nmodel: lab/small\n", HUB).warnings == ()


def test_a_model_of_the_hub_has_its_own_length_and_no_other_group_has_it():
    with pytest.raises(ConfigError, match="200 is more than the 128 tokens that lab/small can read"):
        parse("exercise: match\nmodel: lab/small\ndata: {max_length: 200}\n", HUB)
    with pytest.raises(ConfigError, match="none of the Hub's models that this group allows"):
        parse("exercise: match\nmodel: lab/small\n")


# ---- checkpoints and teachers


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"save_strategy": "best", "eval_strategy": "'no'"}, "training.save_strategy: best needs evaluations"),
        ({"save_strategy": "epoch"}, "training.save_strategy: load_best_model_at_end needs a checkpoint of each"),
        ({"save_strategy": "'no'"}, "training.save_strategy: load_best_model_at_end needs a checkpoint of each"),
        ({"save_strategy": "steps", "save_steps": 50}, "training.save_steps: eval_steps is 0.2; with load_best"),
        ({"save_strategy": "steps", "save_steps": 0.3}, "training.save_steps: load_best_model_at_end needs a multiple"),
        ({"save_strategy": "steps", "save_steps": 1.5}, "training.save_steps: 1.5 is neither a share"),
    ],
)
def test_going_back_to_the_best_model_needs_checkpoints_of_evaluations(keys: dict[str, Any], problem: str):
    best = {} if "eval_strategy" in keys else {"load_best_model_at_end": "true"}
    (found,) = wrong(training(**best, **keys))
    assert problem in found


@pytest.mark.parametrize("keys", [{"save_strategy": "best"}, {"save_strategy": "steps", "save_steps": 0.4}, {}])
def test_what_the_trainer_takes_beside_the_best_model_is_taken(keys: dict[str, Any]):
    assert suspicious(training(load_best_model_at_end="true", **keys)) == []


@pytest.mark.parametrize(
    ("keys", "warning"),
    [
        (
            {"save_strategy": "steps", "save_steps": 70, "eval_steps": 50},
            "some checkpoints come between two evaluations",
        ),
        ({"save_strategy": "steps", "save_steps": 0.3}, "some checkpoints come between two evaluations"),
        ({"save_strategy": "steps", "save_steps": 1000}, "the first checkpoint would come after step 1000"),
        ({"save_steps": 0.5}, "not used with save_strategy: auto"),
    ],
)
def test_a_checkpoint_that_never_meets_an_evaluation_is_warned_about(keys: dict[str, Any], warning: str):
    (found,) = suspicious(training(**keys))
    assert warning in found


def test_a_checkpoint_at_a_multiple_of_the_evaluations_is_not_warned_about():
    assert suspicious(training(save_strategy="steps", save_steps=100)) == []  # of 250, evaluated every 50


def test_a_student_needs_a_teacher_and_nobody_else_has_one():
    (found,) = wrong("exercise: match\nmethod: distillation\n")
    assert "distillation.teacher: missing; the number of the run to learn from" in found
    (found,) = suspicious("exercise: match\ndistillation: {teacher: 3}\n")
    assert "write method: distillation" in found
    assert suspicious("exercise: match\nmodel: tiny\nmethod: distillation\ndistillation: {teacher: 3}\n") == []
