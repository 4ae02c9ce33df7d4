"""`python -m runner RUN_DIR` trains a run directory, `--again` repeats one; `data NAME` shows a data set's card."""

import sys

USAGE = """usage: python -m runner RUN_DIR     train what RUN_DIR/config.yaml says
       python -m runner RUN_DIR --again   train it once more and compare; RUN_DIR stays as it is
       python -m runner data NAME   build a built-in data set and show its card"""


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code: 0 done, 1 the run did not succeed, 2 nothing could be run."""
    match arguments:
        case ["data", name]:
            return _show_data(name)
        case [run_dir, "--again"]:
            return _again(run_dir)
        case [run_dir] if not run_dir.startswith("-"):
            from runner.training import run

            return run(run_dir)
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def _again(url: str) -> int:
    from runner.again import run_again
    from runner.run_dir import RunDir

    try:
        same, lines = run_again(RunDir(url))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0 if same else 1


def _show_data(name: str) -> int:
    from runner.catalog import ModelError
    from runner.data import DataError, load

    try:
        print(load(name).card.model_dump_json(indent=2))
    except (DataError, ModelError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
