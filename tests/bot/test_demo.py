"""The demo's script as far as nothing trains: `make demo` itself plays the rest."""

from itertools import takewhile

from bot import demo
from bot.app import App


async def test_everything_that_the_script_presses_and_types_is_there(app: App, capsys, monkeypatch) -> None:
    learning = list(takewhile(lambda block: "/submit match" not in block[0], demo._script()))
    monkeypatch.setattr(demo, "_script", lambda: learning)
    await demo._play(app)
    shown = capsys.readouterr().out
    assert "Question 10 of 10" in shown
    assert "Your plan" in shown
    for refusal in ("No message here has", "I asked nothing", "There is no", "Something broke"):
        assert refusal not in shown
