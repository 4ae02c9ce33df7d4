"""What a config must keep to beyond each key's own range, and what is legal but suspicious.

A rule yields what it finds in a config. It is asked only when the keys that it reads are right themselves, so one
mistake is told once.
"""

import math
import re
from collections.abc import Callable, Iterator

from runner.catalog import PACKAGED, Catalog
from runner.config_defaults import OPTIM_RATE, default
from runner.config_errors import Problem, quoted
from runner.config_names import right_names
from runner.config_schema import Config, Data, Training
from runner.exercise import Exercise

Rule = Callable[[Config, Catalog], Iterator[Problem]]

# RUNNER-FACTS.md, accuracy on library, where guessing gives 12.5%:
LORA_LEAST_RATE = 3e-4  # LoRA r 8: 61.6% at 2e-3, 19.2% at 5e-5
FULL_MOST_RATE = 1e-3  # full: 66.3% at 1e-4, one class for every row at 3e-3
FULL_LEAST_RATE = 1e-5  # full: 15.4% at 1e-6
CPU_SPEED = 3e11  # floating-point operations a second: MiniLM on two cores, 90 rows of 24 tokens a second
MOST_ENTRIES = 16_384  # of a bpe tokenizer
TRAIN_ALL = ("full", "distillation")  # methods that train every weight


def total_steps(config: Config, exercise: Exercise) -> int:
    """Return the optimizer steps of a run, as the Trainer counts them on one device."""
    if config.training.max_steps > 0:
        return config.training.max_steps
    return math.ceil(config.training.num_train_epochs * steps_per_epoch(config, exercise))


def steps_per_epoch(config: Config, exercise: Exercise) -> int:
    """Return the optimizer steps of one pass over the training rows; the last batch may be a small one."""
    batches = math.ceil(_rows(config, exercise) / config.training.per_device_train_batch_size)
    return math.ceil(batches / config.training.gradient_accumulation_steps)


def train_tokens(config: Config, exercise: Exercise) -> int:
    """Return the non-padding tokens that a run will see, estimated from the exercise's mean row."""
    epochs = config.training.num_train_epochs
    if config.training.max_steps > 0:
        epochs = config.training.max_steps / steps_per_epoch(config, exercise)
    return round(epochs * _epoch_tokens(config, exercise))


def _rows(config: Config, exercise: Exercise) -> int:
    available = exercise.train_rows
    if exercise.task == "text-generation":  # its rows are blocks of tokens, cut from so many bytes
        available = round(exercise.train_rows / bytes_per_token(config.data) / config.data.max_length)
    return min(config.data.max_train_samples or available, available)


def _epoch_tokens(config: Config, exercise: Exercise) -> int:
    return round(_rows(config, exercise) * min(exercise.tokens_per_row, config.data.max_length))


def bytes_per_token(data: Data) -> float:
    """Estimate how many bytes of Python source a token stands for: measured, within 3% from 512 to 16,384 entries."""
    if data.tokenizer == "bytes":
        return 1.0
    # A pretrained model's own tokenizer has more entries than any that is trained here.
    doublings = math.log2((MOST_ENTRIES if data.tokenizer == "model" else data.vocab_size) / 2048)
    return 3.10 + 0.4375 * doublings - 0.034 * doublings**2


def fitting_models(exercise: Exercise, catalog: Catalog = PACKAGED) -> list[str]:
    """Return the catalog's models that can do an exercise's task."""
    wanted = "decoder" if exercise.task == "text-generation" else "encoder"
    return [name for name, model in catalog.models.items() if model.architecture == wanted]


def unused_sections(config: Config, catalog: Catalog = PACKAGED) -> set[str]:
    """Return the sections that belong to another method or task than the config's."""
    exercise = catalog.exercises.get(config.exercise)
    multi = exercise is not None and exercise.task == "multi-task"
    of_method = {name: config.method == name.replace("_", "-") for name in ("lora", "prompt_tuning", "distillation")}
    used = of_method | {"multi": multi}
    return {section for section, is_used in used.items() if not is_used}


# ---- errors


def known_exercise(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """The exercise is one of the catalog's."""
    if config.exercise not in catalog.exercises:
        names = right_names(config.exercise, catalog.exercises, "exercises")
        yield Problem(f"there is no exercise {quoted(config.exercise)}; {names}", key="exercise")


def known_model(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """The model is a name from the catalog: no path, and of the Hub only what the group allows."""
    if config.model in catalog.models:
        return
    exercise = catalog.exercises.get(config.exercise)
    fitting = fitting_models(exercise, catalog) if exercise else list(catalog.models)
    yield Problem(f"{_unknown_model(config.model)}; {right_names(config.model, fitting, 'models')}", key="model")


def _unknown_model(name: str) -> str:
    if re.match(r"[/~.]|[A-Za-z]:", name) or ".." in name or "\\" in name:
        return f"{quoted(name)} looks like a path, and a model is chosen by its name"
    if "/" in name:
        return f"{quoted(name)} is none of the Hub's models that this group allows; its admins can allow another"
    return f"there is no model {quoted(name)}"


def model_fits_task(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """A language model generates text; an encoder classifies it."""
    fitting = fitting_models(catalog.exercises[config.exercise], catalog)
    if config.model not in fitting:
        what = f"{config.model} is a{'n' if catalog.models[config.model].architecture == 'encoder' else ''} "
        what += f"{catalog.models[config.model].architecture}, and {config.exercise} needs the other kind"
        yield Problem(f"{what}: {' or '.join(fitting)}", key="model")


def tokenizer_is_there(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """A language model with random weights has no tokenizer of its own, and a pretrained one knows only its own."""
    if catalog.exercises[config.exercise].task != "text-generation":
        return
    own = config.data.tokenizer == "model"
    if catalog.models[config.model].pretrained and not own:
        what = f"{config.model} was trained with its own tokenizer and knows no other; leave this out"
        yield Problem(what, key="data.tokenizer")
    elif own and not catalog.models[config.model].pretrained:
        what = f"{config.model} starts from random weights and has no tokenizer of its own; write bpe or bytes"
        yield Problem(what, key="data.tokenizer")


def one_weight_a_head(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Loss weights are given for every head, and not all of them are zero."""
    weights, heads = config.multi.loss_weights, catalog.exercises[config.exercise].heads
    if weights is None or len(heads) < 2:
        return
    if set(weights) != set(heads):
        yield Problem(f"one weight each is needed for {' and '.join(heads)}", key="multi.loss_weights")
    elif min(weights.values()) < 0 or not any(weights.values()):
        yield Problem("weights are at least 0, and not all of them 0", key="multi.loss_weights")


def teacher_is_named(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """A student needs a teacher."""
    if config.method == "distillation" and config.distillation.teacher is None:
        what = "missing; the number of the run to learn from, one that succeeded on the same exercise"
        yield Problem(what, key="distillation.teacher")


def one_precision(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Half precision is either of the two."""
    if config.training.fp16 and config.training.bf16 is True:
        yield Problem("bf16 is on as well; keep one of the two", key="training.fp16")


def patience_needs_best(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Early stopping goes back to the best model, so that one has to be kept."""
    if config.early_stopping_patience and not config.training.load_best_model_at_end:
        what = "early stopping goes back to the best model: write load_best_model_at_end: true as well"
        yield Problem(what, key="early_stopping_patience")


def texts_fit_model(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Texts are cut to what the model has positions for."""
    given, limit = config.data.max_length, catalog.models[config.model].max_length
    if given > limit:
        yield Problem(f"{given} is more than the {limit} tokens that {config.model} can read", key="data.max_length")


def some_steps(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Zero steps would train nothing."""
    if config.training.max_steps == 0:
        yield Problem("0 steps train nothing; -1 leaves it to num_train_epochs", key="training.max_steps")


def whole_steps(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """From 1 on, a number of steps is whole; below 1 it is a share of all steps."""
    for name in ("warmup_steps", "eval_steps", "logging_steps", "save_steps"):
        value: float = getattr(config.training, name)
        if value >= 1 and value != int(value):
            what = f"{value:g} is neither a share of all steps (below 1) nor a whole number of steps"
            yield Problem(f"{what}; write {value / 100:g} for {value:g}%, or {round(value)}", key=f"training.{name}")


def warmup_ends(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Warmup ends before the run does."""
    steps, warmup = total_steps(config, catalog.exercises[config.exercise]), config.training.warmup_steps
    if warmup >= max(steps, 1):
        what = f"warmup over {warmup:g} steps does not end in a run of {steps}"
        yield Problem(f"{what}; 0.06 is a share that is often good", key="training.warmup_steps")


def best_is_measured(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """The best checkpoint is known only where there are evaluations."""
    if config.training.load_best_model_at_end and config.training.eval_strategy == "no":
        what = "without evaluations no model is known to be the best; set eval_strategy to steps or epoch"
        yield Problem(what, key="training.load_best_model_at_end")


def best_is_saved(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Going back to the best model needs a checkpoint of each evaluation, as transformers checks as well."""
    training = config.training
    if training.save_strategy == "best" and training.eval_strategy == "no":
        yield Problem("best needs evaluations; set eval_strategy to steps or epoch", key="training.save_strategy")
    if not training.load_best_model_at_end or training.save_strategy in ("auto", "best"):
        return
    if training.save_strategy != training.eval_strategy:
        what = f"load_best_model_at_end needs a checkpoint of each evaluation (eval_strategy: {training.eval_strategy})"
        yield Problem(f"{what}; write best, or the same here", key="training.save_strategy")
    elif (training.save_steps < 1) != (training.eval_steps < 1):
        what = f"eval_steps is {training.eval_steps:g}; with load_best_model_at_end give both as shares of all steps"
        yield Problem(f"{what}, or both as numbers of steps", key="training.save_steps")
    elif training.save_strategy == "steps" and not _is_multiple(training.save_steps, training.eval_steps):
        what = f"load_best_model_at_end needs a multiple of eval_steps, which is {training.eval_steps:g}"
        yield Problem(f"{what}; the same number is right", key="training.save_steps")


def _is_multiple(number: float, of: float) -> bool:
    return math.isclose(number / of, round(number / of), abs_tol=1e-9) and round(number / of) > 0


def within_budget(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """The run spends no more tokens than the exercise allows everybody."""
    exercise = catalog.exercises[config.exercise]
    tokens, budget = train_tokens(config, exercise), exercise.budget.train_tokens
    if tokens <= budget:
        return
    epochs, rows = budget / _epoch_tokens(config, exercise), _rows(config, exercise)
    what = f"this run would see about {tokens:,} tokens, and {exercise.name} allows {budget:,}"
    if config.training.max_steps > 0:
        most = math.floor(epochs * steps_per_epoch(config, exercise))
        yield Problem(f"{what}; the largest max_steps that fits is {most}", key="training.max_steps")
    else:
        most_epochs = f"{math.floor(epochs * 100) / 100:g}"
        advice = f"with {rows:,} rows the largest num_train_epochs that fits is {most_epochs}"
        yield Problem(f"{what}; {advice}", key="training.num_train_epochs")


# ---- warnings


def lora_rate(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """A full fine-tuning rate hardly moves an adapter."""
    rate = config.training.learning_rate
    if config.method == "lora" and catalog.models[config.model].pretrained and rate < LORA_LEAST_RATE:
        what = f"{rate:g} is a rate for full fine-tuning; LoRA hardly learns at it (library: 19% at 5e-5, 62% at 2e-3)"
        yield Problem(f"{what}; try 2e-3", key="training.learning_rate")


def full_rate(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Too high a rate destroys pretrained weights; too low a rate leaves them where they were."""
    rate = config.training.learning_rate
    if config.method not in TRAIN_ALL or not catalog.models[config.model].pretrained:
        return
    if usual := OPTIM_RATE.get(config.training.optim):
        if rate < usual / 50:
            what = f"{rate:g} is a rate for AdamW; with {config.training.optim} the model ends where it began"
            yield Problem(f"{what}; try {usual:g}", key="training.learning_rate")
    elif rate > FULL_MOST_RATE:
        what = f"{rate:g} is high for full fine-tuning of a pretrained model: at 3e-3 it gave one class to every row"
        yield Problem(f"{what}; try 1e-4", key="training.learning_rate")
    elif rate < FULL_LEAST_RATE:
        what = f"{rate:g} is low; at 1e-6 the model ended where it began (library: 15%, where guessing gives 12.5%)"
        yield Problem(f"{what}; try 1e-4", key="training.learning_rate")


def sections_are_used(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """A section of another method or task does nothing."""
    for section in sorted(unused_sections(config, catalog) & config.model_fields_set):
        if section == "multi":
            yield Problem(f"not used: {config.exercise} has one head", key=section)
        else:
            method = section.replace("_", "-")
            yield Problem(f"not used with method: {config.method}; write method: {method}", key=section)


def method_fits_weights(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """The methods that leave most weights as they are build on pretrained ones."""
    if config.method not in TRAIN_ALL and not catalog.models[config.model].pretrained:
        what = f"{config.model} starts from random weights, and {config.method} leaves most of them as they are"
        yield Problem(f"{what}; full trains all", key="method")


def model_fits_time(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """A large model of the hub may need more time than the exercise gives, where there is no GPU."""
    exercise, model = catalog.exercises[config.exercise], catalog.models[config.model]
    seconds = 6 * model.parameters * train_tokens(config, exercise) / CPU_SPEED  # 6: forward and backward
    if model.source == "hub" and seconds > exercise.budget.seconds:
        what = f"{model.parameters / 1e6:,.0f} million parameters take about {seconds / 60:.0f} min on two CPU cores, "
        what += f"and {exercise.name} ends a run after {exercise.budget.seconds / 60:.0f}"
        yield Problem(f"{what}; without a GPU use fewer rows or a smaller model", key="model")


def classes_can_be_weighted(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """A language model has no classes."""
    if config.class_weights == "balanced" and catalog.exercises[config.exercise].task != "text-classification":
        yield Problem(f"not used: {config.exercise} is no task with one set of classes", key="class_weights")


def schedule_warms_up(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """The Trainer's constant schedule has no warmup."""
    training = config.training
    if training.lr_scheduler_type == "constant" and training.warmup_steps not in (
        0,
        _default(config, "warmup_steps", catalog),
    ):
        what = "the constant schedule ignores warmup_steps; constant_with_warmup heeds it"
        yield Problem(what, key="training.warmup_steps")


def epochs_count(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """With max_steps the Trainer does not look at num_train_epochs."""
    training = config.training
    if training.max_steps > 0 and training.num_train_epochs != _default(config, "num_train_epochs", catalog):
        what = f"not used, because max_steps is {training.max_steps}"
        yield Problem(f"{what}; keep one of the two", key="training.num_train_epochs")


def evaluations_happen(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Evaluations and log lines come at least once in a run."""
    training, steps = config.training, total_steps(config, catalog.exercises[config.exercise])
    if training.eval_strategy == "steps" and training.eval_steps > steps:
        what = f"the first evaluation would come after step {training.eval_steps:g}, and the run has {steps}"
        yield Problem(f"{what}; try 0.2, a fifth of all steps", key="training.eval_steps")
    if training.logging_steps > steps:
        what = f"the loss would be logged every {training.logging_steps:g} steps, and the run has {steps}"
        yield Problem(f"{what}; try 0.02", key="training.logging_steps")


def eval_steps_count(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """Only eval_strategy: steps looks at eval_steps."""
    training = config.training
    if training.eval_strategy != "steps" and training.eval_steps != _default(config, "eval_steps", catalog):
        yield Problem(f"not used with eval_strategy: {training.eval_strategy}", key="training.eval_steps")


def checkpoints_are_scored(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """A checkpoint between two evaluations has no score, and one after the last step never comes."""
    training, steps = config.training, total_steps(config, catalog.exercises[config.exercise])
    if training.save_strategy != "steps":
        if training.save_steps != _default(config, "save_steps", catalog):
            yield Problem(f"not used with save_strategy: {training.save_strategy}", key="training.save_steps")
    elif training.save_steps > steps:
        what = f"the first checkpoint would come after step {training.save_steps:g}, and the run has {steps}"
        yield Problem(f"{what}; try 0.2, a fifth of all steps", key="training.save_steps")
    elif training.eval_strategy == "steps" and not _is_multiple(*_in_steps(training, steps)):
        what = f"some checkpoints come between two evaluations (eval_steps: {training.eval_steps:g}), so have no score"
        yield Problem(f"{what}; a multiple of eval_steps has one each", key="training.save_steps")


def _in_steps(training: Training, steps: int) -> tuple[int, int]:
    """Return after how many steps checkpoints and evaluations come, as the Trainer counts them."""
    save, evaluate = (
        int(each) if each >= 1 else math.ceil(each * steps) for each in (training.save_steps, training.eval_steps)
    )
    return save, evaluate


def rows_exist(config: Config, catalog: Catalog) -> Iterator[Problem]:
    """No more rows can be used than there are."""
    exercise = catalog.exercises[config.exercise]
    given, rows = config.data.max_train_samples, exercise.train_rows
    if exercise.task == "text-generation":
        return  # its rows are blocks, known when the tokenizer is trained
    if given is not None and given > rows:
        what = f"{config.exercise} has {rows:,} rows to train on; all of them are used"
        yield Problem(what, key="data.max_train_samples")


def _default(config: Config, name: str, catalog: Catalog) -> float:
    return float(default(config, "training", name, catalog))


_STEPS = (
    "exercise",
    "data.max_train_samples",
    *(f"training.{name}" for name in ("num_train_epochs", "max_steps", "per_device_train_batch_size")),
    "training.gradient_accumulation_steps",
)

# Each rule with the keys that it reads.
ERRORS: tuple[tuple[Rule, tuple[str, ...]], ...] = (
    (known_exercise, ("exercise",)),
    (known_model, ("model",)),
    (model_fits_task, ("exercise", "model")),
    (tokenizer_is_there, ("exercise", "model", "data.tokenizer")),
    (one_weight_a_head, ("exercise", "multi.loss_weights")),
    (teacher_is_named, ("method", "distillation.teacher")),
    (one_precision, ("training.fp16", "training.bf16")),
    (patience_needs_best, ("early_stopping_patience", "training.load_best_model_at_end")),
    (texts_fit_model, ("model", "data.max_length")),
    (some_steps, ("training.max_steps",)),
    (whole_steps, tuple(f"training.{name}_steps" for name in ("warmup", "eval", "logging", "save"))),
    (warmup_ends, (*_STEPS, "training.warmup_steps")),
    (best_is_measured, ("training.load_best_model_at_end", "training.eval_strategy")),
    (
        best_is_saved,
        (
            "training.load_best_model_at_end",
            *(f"training.{name}" for name in ("save_strategy", "save_steps", "eval_strategy", "eval_steps")),
        ),
    ),
    (within_budget, (*_STEPS, "data.max_length", "data.tokenizer", "data.vocab_size")),
)
WARNINGS: tuple[Rule, ...] = (
    lora_rate,
    full_rate,
    sections_are_used,
    method_fits_weights,
    model_fits_time,
    classes_can_be_weighted,
    schedule_warms_up,
    epochs_count,
    evaluations_happen,
    eval_steps_count,
    checkpoints_are_scored,
    rows_exist,
)


def errors(config: Config, broken: set[str], catalog: Catalog = PACKAGED) -> Iterator[Problem]:
    """Yield what breaks a rule; rules that read a key in `broken` (dotted, or its section) are left out."""
    broken = set(broken)
    for rule, reads in ERRORS:
        if any(key in broken or key.partition(".")[0] in broken for key in reads):
            continue
        for problem in rule(config, catalog):
            broken.add(problem.key)
            yield problem


def warnings(config: Config, catalog: Catalog = PACKAGED) -> Iterator[Problem]:
    """Yield what is suspicious about a config that has no errors."""
    for rule in WARNINGS:
        yield from rule(config, catalog)
