"""How often the coach is right: precision and recall by rule over real runs, good ones and bad. Run it by hand:

python -m tests.bench.coach FOLDER [WORKERS]

Every run is trained once into FOLDER (a second call only reads), on a GPU where there is one: about five minutes on
one H100 with six workers. A fault is what its config was made to have; what may come with it is tolerated, and counts
neither way.
"""

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from bot.study import coach
from runner.config import parse
from runner.history import History
from runner.run_dir import RunDir

WORKERS = 6


@dataclass(frozen=True, slots=True)
class Case:
    """A config, the findings it was made to have, and those that may come with them."""

    name: str
    config: str
    faults: frozenset[str]
    tolerated: frozenset[str]


def case(name: str, exercise: str, faults: str = "", tolerated: str = "", **keys: object) -> Case:
    """Make a case; keys without a section are of `training`."""
    sections: dict[str, list[str]] = {"training": [], "data": []}
    lines = [f"exercise: {exercise}"]
    for key, value in keys.items():
        word = str(value).lower() if isinstance(value, bool) else value
        if key in ("method", "model", "early_stopping_patience"):
            lines.append(f"{key}: {word}")
        else:
            sections["data" if key in ("max_train_samples", "max_length") else "training"].append(f"  {key}: {word}")
    for section, content in sections.items():
        lines += [f"{section}:", *content] if content else []
    # A classifier under this budget may lose to a linear baseline on library, which is true and never wrong to say.
    always = {"worse_than_baseline"} if exercise in ("library", "multi") else set()
    return Case(name, "\n".join(lines) + "\n", frozenset(faults.split()), frozenset(tolerated.split()) | always)


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
    case("stdlib-bytes", "stdlib", learning_rate=3e-3, num_train_epochs=1, max_train_samples=4000),
    # thrown off
    case("match-3e-3", "match", "diverged", learning_rate=3e-3),
    case("match-1e-2", "match", "diverged", "learning_rate_too_high", learning_rate=1e-2),
    case("library-5e-3", "library", "diverged", "learning_rate_too_high no_warmup", learning_rate=5e-3),
    case("library-1e-2", "library", "diverged", "learning_rate_too_high no_warmup", learning_rate=1e-2),
    case("multi-1e-2", "multi", "diverged", "learning_rate_too_high no_warmup", learning_rate=1e-2),
    case("match-sgd-1", "match", "diverged", "learning_rate_too_high", optim="sgd", learning_rate=1.0, max_grad_norm=0),
    # too timid
    case("match-1e-6", "match", "learning_rate_too_low", "underfit", learning_rate=1e-6),
    case("match-3e-7", "match", "learning_rate_too_low", "underfit", learning_rate=3e-7),
    case("library-1e-6", "library", "learning_rate_too_low", "underfit", learning_rate=1e-6),
    case("library-lora-5e-5", "library", "learning_rate_too_low", "underfit", method="lora", learning_rate=5e-5),
    case("match-lora-5e-5", "match", "learning_rate_too_low", "underfit", method="lora", learning_rate=5e-5),
    case("multi-1e-6", "multi", "learning_rate_too_low", "underfit", learning_rate=1e-6),
    case("stdlib-1e-5", "stdlib", "learning_rate_too_low", "underfit", learning_rate=1e-5),
    # too bold, and yet it learns, or ends at guessing without having been seen to jump
    case("stdlib-1e-1", "stdlib", "learning_rate_too_high", "diverged no_warmup", learning_rate=1e-1),
    case("stdlib-5e-2", "stdlib", "learning_rate_too_high", "diverged no_warmup", learning_rate=5e-2, warmup_steps=0),
    case("match-1e-3", "match", "learning_rate_too_high", "diverged", learning_rate=1e-3),
    case("library-2e-3", "library", "learning_rate_too_high", "diverged no_warmup", learning_rate=2e-3),
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
    case("stdlib-no-warmup", "stdlib", "no_warmup", "learning_rate_too_high", learning_rate=2e-2, warmup_steps=0),
    case("stdlib-no-warmup-3e-2", "stdlib", "no_warmup", "learning_rate_too_high", learning_rate=3e-2, warmup_steps=0),
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
BATCH = frozenset({"batch_too_small"})  # only on a GPU, where stdlib's four rows are few


def train(job: tuple[str, str]) -> None:
    """Train one case, unless it was trained before."""
    from runner import training

    folder, config = job
    run_dir = RunDir(folder)
    run_dir.create(config)
    training.run(run_dir.url)


def main(folder: Path, workers: int = WORKERS) -> None:
    """Train what is missing, and print what each run was told and how often that was right."""
    jobs = [(str(folder / c.name), c.config) for c in CASES if not (folder / c.name / "result.json").exists()]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for number, _ in zip(count(1), pool.map(train, jobs), strict=False):
            print(f"{number} of {len(jobs)}", file=sys.stderr)
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for c in CASES:
        run_dir = RunDir(str(folder / c.name))
        result = run_dir.result()
        if result is None:
            raise SystemExit(f"{c.name} left no result")
        history = History.of(run_dir.events()[0])
        found = {f.rule for f in coach.diagnose(history, parse(c.config).config, result)}
        extra, lacking = found - c.faults - c.tolerated - BATCH, c.faults - found
        score = "" if result.test is None else f"{result.test:.3f}"
        print(f"{c.name:<24}{result.status:<11}{score:>7}  {', '.join(sorted(found)) or '-'}"
              + (f"   WRONG {', '.join(sorted(extra))}" if extra else "")
              + (f"   MISSED {', '.join(sorted(lacking))}" if lacking else ""))  # fmt: skip
        right.update(found & c.faults)
        wrong.update(extra)
        missed.update(lacking)
    print(f"\n{'rule':<26}precision   recall")
    for rule in sorted(right | wrong | missed):
        told, there = right[rule] + wrong[rule], right[rule] + missed[rule]
        print(f"{rule:<26}{_share(right[rule], told)}   {_share(right[rule], there)}")
    total = right.total()
    print(f"{'all':<26}{_share(total, total + wrong.total())}   {_share(total, total + missed.total())}")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f} ({part}/{whole})" if whole else "-"


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
