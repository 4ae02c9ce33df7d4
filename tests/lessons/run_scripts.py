"""Runs the training scripts of a folder with --smoke, one after the other in one process: imports cost the most.

What each prints goes into FOLDER/printed.json. Then the loop is stopped in its second epoch and resumed, in
FOLDER/resumed.
"""

import contextlib
import io
import json
import os
import runpy
import sys
from pathlib import Path
from unittest.mock import patch

import torch


def run(script: Path, *flags: str) -> str:
    printed = io.StringIO()
    with patch.object(sys, "argv", [str(script), *flags]), contextlib.redirect_stdout(printed):
        runpy.run_path(str(script), run_name="__main__")
    return printed.getvalue()


def stop_and_resume(script: Path) -> str:
    save, saved = torch.save, []

    def save_once(state: object, path: Path) -> None:
        if saved:
            raise KeyboardInterrupt
        saved.append(path)
        save(state, path)

    with patch.object(torch, "save", save_once), contextlib.suppress(KeyboardInterrupt):
        run(script, "--smoke")
    return run(script, "--smoke", "--resume")


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    os.chdir(folder)
    printed = {name: run(folder / name, "--smoke") for name in sys.argv[2:]}
    Path("resumed").mkdir()
    os.chdir("resumed")
    printed["resumed"] = stop_and_resume(folder / "custom_loop.py")
    (folder / "printed.json").write_text(json.dumps(printed))
