"""How often the coach is right: precision and recall by rule over real runs, good ones and bad. Run it by hand:

python -m tests.bench.coach FOLDER [WORKERS]

The runs of 24 November 2026 (one H100, torch 2.11, transformers 5.17) are kept in coach_runs.tar.xz; the tests ask the
coach about them, and `tar xf` makes a FOLDER of them.

Every run is trained once into FOLDER (a second call only reads), on a GPU where there is one: about five minutes on
one H100 with twelve workers. A fault is what its config was made to have: `a|b` is one that may show as either. What
may come with it is tolerated, and counts neither way; so is what the result itself proves, such as a score below the
baseline's. The thresholds were set on the cases before HELD_OUT, and those behind it were trained after that.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from bot.study import coach
from bot.study.efficiency_rules import SMALL_BATCH
from bot.study.observed import Observed
from runner.config import parse
from runner.history import History
from runner.run_dir import Result, RunDir

WORKERS = 6
OF_DATA = ("max_train_samples", "max_length", "tokenizer")


@dataclass(frozen=True, slots=True)
class Case:
    """A config, the findings it was made to have, and those that may come with them."""

    name: str
    config: str
    faults: tuple[frozenset[str], ...]
    tolerated: frozenset[str]


def case(name: str, exercise: str, faults: str = "", tolerated: str = "", **keys: object) -> Case:
    """Make a case; keys without a section are of `training`."""
    sections: dict[str, list[str]] = {"training": [], "data": []}
    lines = [f"exercise: {exercise}"]
    for key, value in keys.items():
        word = str(value).lower() if isinstance(value, bool) else value
        if key in ("method", "model", "early_stopping_patience", "freeze_layers"):
            lines.append(f"{key}: {word}")
        else:
            sections["data" if key in ("max_train_samples", "max_length", "tokenizer") else "training"].append(
                f"  {key}: {word}"
            )
    for section, content in sections.items():
        lines += [f"{section}:", *content] if content else []
    shown_as = tuple(frozenset(fault.split("|")) for fault in faults.split())
    return Case(name, "\n".join(lines) + "\n", shown_as, frozenset(tolerated.split()))


HOT = "diverged|learning_rate_too_high"  # one cause, two faces

CASES: tuple[Case, ...] = (
    # sound
    case("match-default", "match"),
    case("match-2e-4", "match", learning_rate=2e-4, per_device_train_batch_size=16),
    case("match-cosine", "match", lr_scheduler_type="cosine", learning_rate=1.5e-4),
    case("match-seed", "match", seed=7),
    case("match-lora", "match", method="lora"),
    case("match-small-rate", "match", learning_rate=5e-5, tolerated="underfit"),
    case("library-default", "library"),
    case("library-2e-4", "library", learning_rate=2e-4),
    case("library-lora", "library", method="lora"),
    case("library-head", "library", method="head-only"),
    case("multi-default", "multi"),
    case("multi-2e-4", "multi", learning_rate=2e-4, per_device_train_batch_size=16),
    case("stdlib-default", "stdlib"),
    case("stdlib-3e-3", "stdlib", learning_rate=3e-3),
    case("stdlib-bytes", "stdlib", learning_rate=3e-3, tokenizer="bytes"),
    # thrown off
    case("match-3e-3", "match", HOT, "no_warmup", learning_rate=3e-3),
    case("match-1e-2", "match", HOT, "no_warmup", learning_rate=1e-2),
    case("library-5e-3", "library", HOT, "no_warmup", learning_rate=5e-3),
    case("library-1e-2", "library", HOT, "no_warmup", learning_rate=1e-2),
    case("multi-1e-2", "multi", HOT, "no_warmup", learning_rate=1e-2),
    case("match-sgd-1", "match", HOT, "no_warmup", optim="sgd", learning_rate=1.0, max_grad_norm=0),
    # too timid
    case("match-1e-6", "match", "learning_rate_too_low", "underfit", learning_rate=1e-6),
    case("match-3e-7", "match", "learning_rate_too_low", "underfit", learning_rate=3e-7),
    case("library-1e-6", "library", "learning_rate_too_low", "underfit", learning_rate=1e-6),
    case("library-lora-5e-5", "library", "learning_rate_too_low", "underfit", method="lora", learning_rate=5e-5),
    case("match-lora-5e-5", "match", "learning_rate_too_low", "underfit", method="lora", learning_rate=5e-5),
    case("multi-1e-6", "multi", "learning_rate_too_low", "underfit", learning_rate=1e-6),
    case("stdlib-1e-5", "stdlib", "learning_rate_too_low", "underfit", learning_rate=1e-5),
    # too bold, and yet it learns, or ends at guessing without having been seen to jump
    case("stdlib-1e-1", "stdlib", HOT, "no_warmup", learning_rate=1e-1),
    case("stdlib-5e-2", "stdlib", "no_warmup|learning_rate_too_high", learning_rate=5e-2, warmup_steps=0),
    case("match-1e-3", "match", HOT, "no_warmup", learning_rate=1e-3),
    case("library-2e-3", "library", HOT, "no_warmup", learning_rate=2e-3),
    # by heart
    case("match-96-rows", "match", "overfit", "", max_train_samples=96, max_length=32, num_train_epochs=12,
         per_device_train_batch_size=16, learning_rate=2e-4),
    case("match-300-rows", "match", "overfit", "", max_train_samples=300, num_train_epochs=15,
         per_device_train_batch_size=16, learning_rate=2e-4),
    case("library-200-rows", "library", "overfit", "", max_train_samples=200, num_train_epochs=20,
         per_device_train_batch_size=16, learning_rate=2e-4),
    case("library-400-rows", "library", "overfit", "", max_train_samples=400, num_train_epochs=20,
         per_device_train_batch_size=16, learning_rate=2e-4),
    case("multi-200-rows", "multi", "overfit", "", max_train_samples=200, num_train_epochs=20,
         per_device_train_batch_size=16, learning_rate=2e-4),
    # ended too early
    case("match-800-rows", "match", "underfit", max_train_samples=800, num_train_epochs=1),
    case("library-500-rows", "library", "underfit", max_train_samples=500, num_train_epochs=1),
    case("library-1000-rows", "library", "underfit", max_train_samples=1000, num_train_epochs=1),
    case("multi-1000-rows", "multi", "underfit", max_train_samples=1000, num_train_epochs=1),
    case("stdlib-300-blocks", "stdlib", "underfit", max_train_samples=300),
    # no warmup
    case("stdlib-no-warmup", "stdlib", "no_warmup|learning_rate_too_high", learning_rate=2e-2, warmup_steps=0),
    case("stdlib-no-warmup-3e-2", "stdlib", "no_warmup|learning_rate_too_high", learning_rate=3e-2, warmup_steps=0),
    # waste
    case("library-random", "library", "padding_waste", train_sampling_strategy="random"),
    case("match-random", "match", "padding_waste", train_sampling_strategy="random"),
    case("multi-random", "multi", "padding_waste", train_sampling_strategy="random"),
    case("match-fp32", "match", "wrong_precision", bf16=False),
    case("library-fp32", "library", "wrong_precision", bf16=False),
    case("stdlib-fp32", "stdlib", "wrong_precision", bf16=False),
    case("match-late-stop", "match", "late_stop", "overfit", max_train_samples=400, num_train_epochs=20,
         per_device_train_batch_size=16, learning_rate=2e-4, eval_steps=0.05, load_best_model_at_end=True,
         early_stopping_patience=10),
    case("library-late-stop", "library", "late_stop", "overfit", max_train_samples=300, num_train_epochs=30,
         per_device_train_batch_size=16, learning_rate=2e-4, eval_steps=0.05, load_best_model_at_end=True,
         early_stopping_patience=10),
)  # fmt: skip
HELD_OUT: tuple[Case, ...] = (
    case("match-batch-64", "match", learning_rate=2e-4, per_device_train_batch_size=64),
    case("match-polynomial", "match", lr_scheduler_type="polynomial", seed=11),
    case("match-frozen", "match", freeze_layers=2),
    case("match-bitfit", "match", method="bitfit"),
    case("match-ia3", "match", method="ia3"),
    case("library-cosine", "library", lr_scheduler_type="cosine", learning_rate=1.5e-4),
    case("library-prompt", "library", method="prompt-tuning"),
    case("multi-lora", "multi", method="lora"),
    case("multi-batch-16", "multi", per_device_train_batch_size=16, seed=5),
    case("gpt2-3e-3", "stdlib", model="gpt2", learning_rate=3e-3),
    case("stdlib-seed", "stdlib", seed=9, lr_scheduler_type="linear"),
    case("match-2e-3", "match", HOT, learning_rate=2e-3, seed=2),
    case("library-8e-3", "library", HOT, "no_warmup", learning_rate=8e-3, seed=2),
    case("multi-5e-3", "multi", HOT, "no_warmup", learning_rate=5e-3),
    case("library-lora-1e-1", "library", HOT, "no_warmup", method="lora", learning_rate=1e-1),
    case("gpt2-8e-2", "stdlib", HOT, "no_warmup", model="gpt2", learning_rate=8e-2),
    case("stdlib-no-warmup-6e-2", "stdlib", "no_warmup|learning_rate_too_high", learning_rate=6e-2, warmup_steps=0),
    case("match-2e-6", "match", "learning_rate_too_low", "underfit", learning_rate=2e-6, seed=2),
    case("multi-lora-5e-5", "multi", "learning_rate_too_low", "underfit", method="lora", learning_rate=5e-5),
    case("match-head-1e-4", "match", "learning_rate_too_low", "underfit", method="head-only", learning_rate=1e-4),
    case("library-bitfit-2e-5", "library", "learning_rate_too_low", "underfit", method="bitfit", learning_rate=2e-5),
    case("gpt2-2e-5", "stdlib", "learning_rate_too_low", "underfit", model="gpt2", learning_rate=2e-5),
    case("match-500-rows", "match", "overfit", max_train_samples=500, num_train_epochs=12,
         per_device_train_batch_size=16, learning_rate=2e-4, seed=2),
    case("multi-300-rows", "multi", "overfit", max_train_samples=300, num_train_epochs=20,
         per_device_train_batch_size=16, learning_rate=2e-4, seed=2),
    case("match-1200-rows", "match", "underfit", max_train_samples=1200, num_train_epochs=1, seed=2),
    case("library-700-rows", "library", "underfit", max_train_samples=700, num_train_epochs=1, seed=2),
    case("multi-700-rows", "multi", "underfit", max_train_samples=700, num_train_epochs=1, seed=2),
    case("library-lora-800", "library", "underfit", method="lora", max_train_samples=800, num_train_epochs=1),
    case("stdlib-500-blocks", "stdlib", "underfit", max_train_samples=500, seed=2),
    case("tiny-match", "match", "random_weights", model="tiny", learning_rate=5e-4),
    case("tiny-match-800", "match", "random_weights", model="tiny", max_train_samples=800, num_train_epochs=1),
    case("match-lora-random", "match", "padding_waste", method="lora", train_sampling_strategy="random"),
    case("multi-fp32", "multi", "wrong_precision", bf16=False),
    case("match-late-stop-8", "match", "late_stop", "overfit", max_train_samples=300, num_train_epochs=20,
         per_device_train_batch_size=16, learning_rate=2e-4, eval_steps=0.05, load_best_model_at_end=True,
         early_stopping_patience=8, seed=2),
)  # fmt: skip


def train(job: tuple[str, str]) -> None:
    """Train one case, unless it was trained before."""
    from runner import training

    folder, config = job
    run_dir = RunDir(folder)
    run_dir.create(config)
    training.run(run_dir.url)


def main(folder: Path, workers: int = WORKERS) -> None:
    """Train what is missing, and print what each run was told and how often that was right."""
    every = (*CASES, *HELD_OUT)
    jobs = [(str(folder / c.name), c.config) for c in every if not (folder / c.name / "result.json").exists()]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for number, _ in zip(count(1), pool.map(train, jobs), strict=False):
            print(f"{number} of {len(jobs)}", file=sys.stderr)
    for title, cases in (("Thresholds set on these", CASES), ("Held out", HELD_OUT)):
        told = [tell(folder, c) for c in cases]
        print("", title, *told, "", table(told), sep="\n")


@dataclass(frozen=True, slots=True)
class Told:
    """What the coach said of one run: rightly, wrongly, and what it failed to say."""

    case: Case
    result: Result
    found: frozenset[str]
    right: frozenset[str]
    wrong: frozenset[str]
    missed: frozenset[str]

    def __str__(self) -> str:
        score = "" if self.result.test is None else f"{self.result.test:.3f}"
        said = ", ".join(sorted(self.found)) or "-"
        wrong = f"   WRONG {', '.join(sorted(self.wrong))}" if self.wrong else ""
        missed = f"   MISSED {', '.join(sorted(self.missed))}" if self.missed else ""
        return f"{self.case.name:<24}{self.result.status:<11}{score:>7}  {said}{wrong}{missed}"


def tell(folder: Path, c: Case) -> Told:
    """Let the coach look at a case's run."""
    run = observed(folder, c)
    found = frozenset(f.rule for f in coach.diagnose(run.history, run.config, run.result))
    wrong = found - frozenset().union(*c.faults) - c.tolerated - _proven(run)
    right = frozenset(min(fault & found) for fault in c.faults if fault & found)
    return Told(c, run.result, found, right, wrong, frozenset(min(fault) for fault in c.faults if not fault & found))


def table(told: Sequence[Told]) -> str:
    """Write precision and recall by rule."""
    right, wrong, missed = (
        Counter(rule for each in told for rule in getattr(each, kind)) for kind in ("right", "wrong", "missed")
    )
    lines = [f"{'rule':<26}precision   recall"]
    for rule in [*sorted(right | wrong | missed), "all"]:
        r, w, m = (c.total() if rule == "all" else c[rule] for c in (right, wrong, missed))
        lines.append(f"{rule:<26}{_share(r, r + w)}   {_share(r, r + m)}")
    return "\n".join(lines)


def observed(folder: Path, c: Case) -> Observed:
    """Read a case's run."""
    run_dir = RunDir(str(folder / c.name))
    result = run_dir.result()
    if result is None:
        raise FileNotFoundError(f"{c.name} left no result in {folder}")
    return Observed(History.of(run_dir.events()[0]), parse(c.config).config, result)


def _proven(run: Observed) -> frozenset[str]:
    """Return what is true of a run whatever it was made for."""
    small = run.config.training.per_device_train_batch_size <= SMALL_BATCH
    return frozenset({"worse_than_baseline"} if run.below_baseline else ()) | (
        {"batch_too_small"} if small and run.result.device_memory_bytes else set()
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f} ({part}/{whole})" if whole else "-"


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
