"""Rules about what a run made of its budget and its device, and of what simpler means reach."""

from bot.study.finding import Finding
from bot.study.learning_rules import Rule
from bot.study.observed import Observed

PADDING = 0.4  # of the tokens in training batches
ROOM = 0.2  # of the device's memory used: below it a larger batch fits
SMALL_BATCH = 8  # rows; smaller ones leave a GPU waiting for its host


def worse_than_baseline(run: Observed) -> Finding | None:
    """It learnt something, and a classical method does better all the same."""
    score, floor = run.result.test, run.result.baselines.get(run.exercise.baseline)
    metric = run.exercise.metric
    if score is None or floor is None or not run.learned or not run.below_baseline:
        return None
    what = f"A simple {run.exercise.baseline} baseline does better than this model."
    evidence = (
        f"It reached {metric.format(score)}, and the baseline {metric.format(floor)} from the same data in seconds. "
        + ("Words alone say much here; a" if run.exercise.heads else "A")
        + " model has to be trained long enough to see more."
    )
    return Finding("worse_than_baseline", what, evidence, {}, "evaluation-metrics")


def padding_waste(run: Observed) -> Finding | None:
    """Much of what was computed was padding, because rows of very different lengths shared a batch."""
    if run.result.padding < PADDING or run.config.training.train_sampling_strategy == "group_by_length":
        return None
    what = "Much of the work was padding: short texts waited for long ones in the same batch."
    evidence = f"{run.result.padding:.0%} of the tokens in the training batches were padding."
    change = {"training.train_sampling_strategy": "group_by_length"}
    return Finding("padding_waste", what, evidence, {**change}, "batching")


def wrong_precision(run: Observed) -> Finding | None:
    """It trained in fp32 on a device that is much faster in bf16."""
    if run.result.precision != "fp32" or not run.result.supports_bf16:
        return None
    what = "It trained in fp32, though this device computes bf16 faster."
    evidence = f"{run.result.device} supports bf16; on two CPU cores it took MiniLM from 90 to 145 examples a second."
    return Finding("wrong_precision", what, evidence, {"training.bf16": "auto"}, "mixed-precision-training")


def batch_too_small(run: Observed) -> Finding | None:
    """A GPU was left waiting: small batches, and most of its memory empty."""
    batch, total = run.config.training.per_device_train_batch_size, run.result.device_memory_bytes
    if batch > SMALL_BATCH or not total or run.result.peak_memory_bytes > ROOM * total:
        return None
    what = "The batches are too small to keep the GPU busy."
    evidence = (
        f"With {batch} rows a step it used {run.result.peak_memory_bytes / total:.0%} of the GPU's memory, "
        f"at {run.result.examples_per_second:.0f} examples a second."
    )
    return Finding(
        "batch_too_small", what, evidence, {"training.per_device_train_batch_size": 4 * batch}, "batch-size-selection"
    )


RULES: tuple[Rule, ...] = (worse_than_baseline, padding_waste, wrong_precision, batch_too_small)
