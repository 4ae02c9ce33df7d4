"""`python -m lessons check`: what must be mended before lessons are published."""

import argparse
from pathlib import Path

from lessons.check import check
from lessons.index import FOLDER


def main() -> int:
    """Print each problem with its file and line, then totals; returns 1 when there is a problem."""
    parser = argparse.ArgumentParser(prog="python -m lessons", description=__doc__)
    parser.add_argument("command", choices=["check"])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="default: the packaged lessons")
    report = check(parser.parse_args().folder)
    for problem in report.problems:
        print(problem)
    print(report.totals())
    print(f"{len(report.problems)} problems" if report.problems else "no problems")
    return bool(report.problems)


if __name__ == "__main__":
    raise SystemExit(main())
