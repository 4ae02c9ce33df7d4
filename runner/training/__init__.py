"""Training: one run, from a run directory's `config.yaml` to its `result.json`.

Importing this package is cheap; torch and transformers come with the first run or with `preload`.
"""

import os
import sys
import tempfile

from runner.catalog import Catalog
from runner.config import Config, ConfigError, parse
from runner.run_dir import Result, RunDir
from runner.training.heartbeat import heartbeat
from runner.training.several import follows


def run(run_dir_url: str) -> int:
    """Train what a run directory's config says; returns the exit code: 0 succeeded, 1 did not, 2 bad config.

    Call it in a process's main thread, which SIGTERM then cancels; a run that has a result is not run again.
    """
    run_dir = RunDir(run_dir_url)
    if ended := run_dir.result():
        return _code(ended)
    source = run_dir.read("config.yaml")
    if source is None:
        print(f"there is no config.yaml in {run_dir_url}", file=sys.stderr)
        return 2
    try:
        catalog = run_dir.own().catalog
        config = parse(source, catalog).config
    except ConfigError as error:
        print(error, file=sys.stderr)
        run_dir.finish(Result(status="failed", error=f"The config cannot be run: {error}"))
        return 2
    if follows():
        with tempfile.TemporaryDirectory(prefix="cohort-") as folder:
            return _code(_train(RunDir(folder), config, catalog))
    with heartbeat(run_dir):
        result = _train(run_dir, config, catalog)
        run_dir.finish(result)
    return _code(result)


def _train(run_dir: RunDir, config: Config, catalog: Catalog) -> Result:
    from runner.training.job import train  # torch: seconds, unless it was preloaded

    return train(run_dir, config, catalog)


def preload() -> None:
    """Import all that a run needs, for a server that forks runs: no CUDA context, no tensor operation."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # the plain check makes a context; forks lose it
    import peft  # noqa: F401
    import transformers.models.bert.modeling_bert  # noqa: F401
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    get_checkpoint_conversion_mapping("bert")  # type: ignore[no-untyped-call]  # compiles a thousand patterns, which it then keeps

    import runner.training.job  # noqa: F401


def _code(result: Result) -> int:
    return 0 if result.status == "succeeded" else 1
