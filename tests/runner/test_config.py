import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config import Config, ConfigError, Data, Lora, Parsed, Training, parse, render, template
from runner.config_schema import KEYS
from runner.exercise import exercises


def wrong(source: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(source)
    return [str(problem) for problem in caught.value.problems]


def test_only_the_exercise_must_be_said():
    assert parse("exercise: match") == Parsed(Config(exercise="match"), ())
    assert parse(b'{"exercise": "match"}').config == Config(exercise="match")


def test_all_errors_are_told_at_once_in_order_of_line():
    source = """\
model: gpt5
method: lroa
training:
  learnig_rate: 1e-4
  learning_rate: fast
  seed: "42"
  per_device_train_batch_size: 32.5
  num_train_epochs: 0
  bf16: 3
  lr_scheduler_type: cosin
  eval_steps: 1.5
  warmup_ratio: 0.1
  load_best_model_at_end: yes
  weight_decay:
  optim: *best
  max_grad_norm: 1
  max_grad_norm: 2
lora: 5
data:
  max_length: [64]
  max_train_samples: {a: 1}
trust_remote_code: true
"""
    assert wrong(source) == [
        "exercise: missing; the exercises are library, match, multi, stdlib",
        'line 1: model: there is no model "gpt5"; did you mean gpt2? The models are minilm, tiny, llama, gpt2',
        'line 2: method: "lroa" is not a choice; did you mean lora? The choices are full, head-only, lora, '
        "prompt-tuning, ia3, bitfit, distillation",
        "line 4: training.learnig_rate: unknown key; did you mean learning_rate?",
        'line 5: training.learning_rate: "fast" is text; a number over 0 and at most 1 is needed',
        'line 6: training.seed: "42" is text; a whole number at least 0 and below 4,294,967,296 is needed, '
        "without quotes",
        "line 7: training.per_device_train_batch_size: 32.5 is not a whole number; a whole number from 1 to "
        "512 is needed",
        "line 8: training.num_train_epochs: 0 is out of range; a number over 0 and at most 50 is needed",
        "line 9: training.bf16: 3 is a number; true, false or auto is needed",
        'line 10: training.lr_scheduler_type: "cosin" is not a choice; did you mean cosine? The choices are linear, '
        "cosine, cosine_with_restarts, cosine_with_min_lr, constant, constant_with_warmup, warmup_stable_decay, "
        "polynomial, inverse_sqrt",
        "line 11: training.eval_steps: 1.5 is neither a share of all steps (below 1) nor a whole number of steps; "
        "write 0.015 for 1.5%, or 2",
        "line 12: training.warmup_ratio: unknown key; transformers 5 dropped it: write warmup_steps, which below 1 is "
        "a share of all steps",
        'line 13: training.load_best_model_at_end: "yes" is text; true or false is needed',
        "line 14: training.weight_decay: there is no value; a number from 0 to 1 is needed, or leave the key out",
        'line 15: training.optim: the alias "best": aliases are not allowed; write the value out',
        "line 17: training.max_grad_norm: given twice, in line 16 and in line 17; keep one of them",
        "line 18: lora: 5 is a number; a section of keys is needed",
        "line 20: data.max_length: this is a list; a whole number from 8 to 1,024 is needed",
        "line 21: data.max_train_samples: this is a section of keys; a whole number at least 16 or null is needed",
        "line 22: trust_remote_code: unknown key; configs are data only: nothing in one loads code or chooses what "
        "code runs",
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("learning_rate: -5", "-5 is out of range; a number over 0 and at most 1 is needed"),
        ("learning_rate: true", "true is a boolean; a number over 0 and at most 1 is needed"),
        ("seed: true", "true is a boolean; a whole number at least 0 and below 4,294,967,296 is needed"),
        ("seed: 1.0", "1.0 is not a whole number; a whole number at least 0 and below 4,294,967,296 is needed"),
        (f"max_steps: 1{'0' * 80}", f"1{'0' * 59}… is out of range; a whole number from -1 to 100,000 is needed"),
        (f"warmup_steps: 1{'0' * 80}", "does not end in a run of 250; 0.06 is a share that is often good"),
        ("eval_strategy: false", "false is a boolean; no, steps or epoch is needed"),
        ("bf16: yes", '"yes" is text; true, false or auto is needed'),
        ("learning_rate: .inf", ".inf is not a finite number"),
    ],
)
def test_a_wrong_value_is_told_with_what_would_be_right(keys: str, message: str):
    (problem,) = wrong(f"exercise: match\ntraining:\n  {keys}")
    key = keys.partition(":")[0]
    assert problem.startswith(f"line 3: training.{key}: ")
    assert problem.endswith(message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "line 1: exercise: missing; the exercises are library, match, multi, stdlib"),
        ("5", "line 1: exercise: 5 is a number; a name is needed"),
        ("[match]", "line 1: exercise: this is a list; a name is needed"),
        ("*x", 'line 1: exercise: the alias "x": aliases are not allowed; write the value out'),
    ],
)
def test_a_wrong_exercise_is_told_once(value: str, message: str):
    assert wrong(f"exercise: {value}") == [message]


def test_an_empty_section_is_refused():
    assert wrong("exercise: match\ntraining:\n") == [
        "line 2: training: there is no value; a section of keys is needed, or leave the key out"
    ]


def test_whole_numbers_are_good_where_fractions_are():
    config = parse("exercise: match\ntraining: {num_train_epochs: 1, weight_decay: 0}").config
    assert config.training == Training(num_train_epochs=1.0, weight_decay=0.0)


def test_numbers_are_read_as_learners_write_them():
    training = parse("exercise: match\ntraining: {learning_rate: 1E-4, seed: 010, eval_strategy: no}").config.training
    assert (training.learning_rate, training.seed, training.eval_strategy) == (1e-4, 10, "no")


def test_a_hostile_value_is_never_echoed_raw():
    text = "\n".join(
        wrong('exercise: "@everyone [x](https://a.b) `rm`\\n<@1>"\n"**@here**": 1\ntraining: {optim: "||x||"}')
    )
    assert not set("@`*[]<>|") & set(text)
    assert len(text.splitlines()) == 3


def test_a_file_of_thousands_of_wrong_keys_has_a_short_answer():
    found = wrong("".join(f"k{i}: 1\n" for i in range(1_500)))
    assert len(found) == 51
    assert "1,451 more keys are wrong than are listed here" in found


# ---- there and back


def configs() -> st.SearchStrategy[Config]:
    """Configs that `parse` accepts: little data, so that any number of epochs is within budget."""
    share = st.floats(0.001, 0.99)
    training = st.builds(
        Training,
        num_train_epochs=st.floats(0.01, 50),
        per_device_train_batch_size=st.integers(1, 512),
        learning_rate=st.floats(1e-12, 1),
        lr_scheduler_type=st.sampled_from(["linear", "cosine", "constant", "inverse_sqrt"]),
        warmup_steps=share,
        optim=st.sampled_from(["adamw_torch", "adafactor", "sgd"]),
        adam_epsilon=st.floats(min_value=0, max_value=1, exclude_min=True),
        bf16=st.sampled_from([True, False, "auto"]),
        eval_strategy=st.sampled_from(["no", "steps", "epoch"]),
        eval_steps=st.one_of(share, st.integers(1, 1_000).map(float)),
        seed=st.integers(0, 2**32 - 1),
    )
    return st.builds(
        Config,
        exercise=st.sampled_from(["match", "library", "multi"]),
        model=st.sampled_from(["minilm", "tiny"]),
        method=st.sampled_from(["full", "lora", "bitfit"]),
        training=training,
        lora=st.builds(Lora, r=st.integers(1, 256), lora_dropout=st.floats(0, 1, exclude_max=True)),
        data=st.builds(Data, max_length=st.integers(8, 512), max_train_samples=st.integers(16, 300)),
    )


@given(configs())
@settings(deadline=None)
def test_a_rendered_config_reads_back_the_same(config: Config):
    assert parse(render(config)).config == config


def test_all_rows_can_be_written_and_read_back():
    config = Config(exercise="match", data=Data(max_train_samples=None))
    assert "max_train_samples: null" in render(config)
    assert parse(render(config)).config == config


def test_a_rendered_config_names_every_key():
    lines = render(Config(exercise="multi", method="lora")).splitlines()
    assert [line.partition(":")[0].strip() for line in lines] == [
        name for key in KEYS[""] if key not in ("prompt_tuning", "distillation") for name in (key, *KEYS.get(key, ()))
    ]


def test_rendering_a_good_config_adds_nothing_suspicious():
    assert parse(render(Config(exercise="match"))).warnings == ()


@pytest.mark.parametrize("exercise", list(exercises()))
def test_a_template_is_a_good_config_of_the_defaults(exercise: str):
    assert parse(template(exercise)) == parse(f"exercise: {exercise}")
    assert parse(template(exercise)).warnings == ()
    assert len(template(exercise).splitlines()) < 15


def test_there_is_no_template_for_an_exercise_that_there_is_not():
    with pytest.raises(ConfigError, match="did you mean match"):
        template("matsch")


# ---- whatever comes

yaml_pieces = st.sampled_from(
    [
        *(
            "\n",
            "  ",
            ": ",
            "- ",
            "? ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "'",
            '"',
            "|",
            ">",
            "#",
            "&a ",
            "*a",
            "!t ",
            "<<",
            "%",
        ),
        *(
            "---\n",
            "...\n",
            "\t",
            "\\x",
            "exercise: match\n",
            "training:\n  ",
            "lora: ",
            "seed",
            "learning_rate: ",
            "1e-4",
        ),
        *("null", "true", ".nan", "0x1f", "_", "=", "~", "@", "`", "é", "\u2028", "9" * 400),
    ]
)


@given(st.one_of(st.text(), st.binary(), st.lists(yaml_pieces, max_size=40).map("".join)))
@settings(max_examples=500, deadline=None)
def test_whatever_comes_is_a_config_or_a_config_error(source: str | bytes):
    try:
        parsed = parse(source)
    except ConfigError as error:
        assert error.problems
        assert len(str(error).split("\n")) == len(error.problems)
    else:
        assert parsed.config.exercise in exercises()


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_values_under_known_keys_are_a_config_or_a_config_error(data: st.DataObject):
    section = data.draw(st.sampled_from(["training", "lora", "data"]))
    values = data.draw(st.dictionaries(st.sampled_from(KEYS[section]), scalars, max_size=8))
    lines = "".join(f"  {key}: {'' if value is None else repr(value)}\n" for key, value in values.items())
    try:
        parse(f"exercise: match\n{section}:\n{lines}")
    except ConfigError as error:
        assert all(problem.line is not None for problem in error.problems)


def test_reading_configs_needs_no_torch():
    code = "import sys, runner.config as c; c.parse('exercise: match'); print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
