"""Whatever a learner sends instead of a config: a clear sentence comes back, and nothing is stored wrongly."""

import pytest
from sqlmodel import select

from bot.app import App
from bot.dispatch import Request
from bot.store.tables import Group, Learner, Run
from bot.study.membership import Sender
from bot.view import Message, Refused, Upload

BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

BAD = {
    "a misspelt key": (b"exercise: match\ntraining:\n  learnig_rate: 1e-4\n", "line 3", "did you mean learning_rate?"),
    "a wrong type": (b"exercise: match\ntraining: {learning_rate: fast}\n", "learning_rate", "number"),
    "a value out of range": (b"exercise: match\ntraining: {learning_rate: -5}\n", "learning_rate", "-5"),
    "an unknown model": (b"exercise: match\nmodel: minlm\n", "line 2", "minilm"),
    "an unknown exercise": (b"exercise: mach\n", "line 1", "match"),
    "a path as a model": (b"exercise: match\nmodel: ../../etc\n", "model"),
    "two at once": (b"exercise: match\nmodle: x\ntraining: {num_train_epochs: -1}\n", "line 2", "line 3", "2 things"),
    "a YAML bomb": (BOMB.encode(), "line 1"),
    "20,000 brackets": (b"[" * 16_000, "deep"),
    "a file of 2 MB": (b"exercise: match\n" + b"# padding\n" * 200_000, "16"),
    "binary data": (bytes(range(256)) * 4, "binary file"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "binary file"),
    "an empty file": (b"", "empty"),
    "a list": (b"- exercise: match\n", "line 1"),
    "code": (b"exercise: !!python/object/apply:os.system ['true']\n", "line 1"),
}  # fmt: skip


def submit(data: bytes) -> Request:
    return Request(Sender("local", "ann", "Ann"), "#lab", "submit", {"file": Upload("my.yaml", data)}, ("#lab", "lab"))


@pytest.mark.parametrize("what", BAD)
async def test_what_is_no_good_config_gets_a_clear_sentence_and_no_run(app: App, what: str):
    data, *words = BAD[what]
    reply = await app.dispatch(submit(data))
    assert isinstance(reply, Message)
    shown = f"{reply.title}\n{reply.body}"
    for word in words:
        assert word in shown, shown
    assert "broke on our side" not in shown
    assert len(shown) < 4_000
    async with app.store.read() as session:
        assert (await session.exec(select(Run))).all() == []
        assert (await session.exec(select(Group.runs_submitted))).one() == 0
        draft = (await session.exec(select(Learner.draft))).one()
    assert draft is None or draft.encode() == data


async def test_what_was_refused_opens_again_in_the_form_and_a_good_one_clears_it(app: App):
    bad = BAD["a misspelt key"][0]
    refused = await app.dispatch(submit(bad))
    (button,) = refused.buttons
    form = await app.dispatch(Request(Sender("local", "ann", "Ann"), "#lab", button.action, {}, ("#lab", "lab")))
    assert form.fields[0].value == bad.decode()
    accepted = await app.dispatch(submit(b"exercise: match\nmodel: tiny\ntraining: {max_steps: 1}\n"))
    assert accepted.title == "Run 1 is in"
    async with app.store.read() as session:
        assert (await session.exec(select(Learner.draft))).one() is None
    late = await app.dispatch(Request(Sender("local", "ann", "Ann"), "#lab", button.action, {}, ("#lab", "lab")))
    assert "no config waiting to be mended" in late.body


async def test_a_config_refused_in_the_form_names_its_field_with_the_first_few_problems(app: App):
    wrong = "exercise: match\ntraining:\n" + "".join(f"  setting{n}: 1\n" for n in range(8))
    ann = Sender("local", "ann", "Ann")
    reply = await app.dispatch(Request(ann, "#lab", "submit.form", {"config": wrong}, ("#lab", "lab")))
    assert isinstance(reply, Refused)
    ((field, problems),) = reply.errors
    assert field == "config"
    assert problems.startswith("8 things to mend: line 3: ")
    assert "setting4" in problems
    assert "setting5" not in problems
    assert problems.endswith("and 3 more")
    assert [button.label for button in reply.answer.buttons] == ["Fix it"]
