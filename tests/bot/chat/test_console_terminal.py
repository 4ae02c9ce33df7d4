"""The console on a real terminal: prompts, completion, numbered buttons and a form, through a pseudo-terminal."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from runner.engines.local import LocalEngine

ESCAPE = "\x1b"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[pexpect.spawn]:
    home = {"COHORT_HOME": str(tmp_path / "home"), "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    child = pexpect.spawn(
        sys.executable, ["-m", "bot", "chat", "--as", "ann"], env={**os.environ, **home}, encoding="utf-8", timeout=30
    )
    child.setwinsize(50, 160)
    child.expect("This is #lab")
    yield child
    child.close(force=True)
    asyncio.run(LocalEngine(tmp_path / "home" / "runner").shutdown())


def enter(terminal: pexpect.spawn, line: str, *sees: str) -> None:
    terminal.send(f"{line}\r")
    for words in sees:
        terminal.expect_exact(words)


def test_a_person_at_a_terminal_is_interviewed_fills_in_a_form_and_leaves(terminal: pexpect.spawn):
    enter(terminal, "/start", "What should I call you?")
    enter(terminal, "Ann", "Good to meet you, Ann.", "[1] Fine-tune models")
    enter(terminal, "1", "Question 3 of 10")
    enter(terminal, "/sumbit", "Did you mean submit?")
    enter(terminal, "/submit match", "Config (YAML)", "exercise")
    enter(terminal, ESCAPE, "Run 1 is in", "[1] Cancel")
    enter(terminal, "[Cancel]", "Run 1")
    enter(terminal, "/submit match", "Config (YAML)")
    terminal.send("\x03")
    terminal.expect_exact("Left; nothing was sent.")
    enter(terminal, "/quit")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_typing_a_slash_offers_commands_options_and_their_values(terminal: pexpect.spawn):
    terminal.send("/run s")
    terminal.expect_exact("One run: what it did and why")
    terminal.send("\x15/submit mat")
    terminal.expect_exact("match")
    terminal.send("\x15/submit fi")
    terminal.expect_exact("your config, a YAML file")
