"""A gallery of views goes through the renderer: nothing is refused by Slack's limits, and no word is lost."""

import re

import pytest

from bot.chat.slack_blocks import filled_in, home, modal, render
from bot.chat.slack_mrkdwn import unescape
from bot.view import Button, Field, File, Form, Menu, Message, Option
from tests.slack_server.limits import problems_of_message, problems_of_view
from tests.slack_server.person import elements, words

CODE = "\n".join(f"step {n:04d}: loss = {n / 7:.6f} <b> & `x`" for n in range(260))  # over 10,000 characters
GALLERY = {
    "unicode": Message("Schön 漢字 🎉 مرحبا **naïve** _żółć_ " + "é" * 200, title="Ünïcode 🎉"),
    "everything": Message(
        "# Head\n\n- a *b* `c`\n\n> quote\n\n```py\nprint(1 < 2)\n```",
        title="All of it",
        fields=(("Level", "beginner"), ("Due", "`/drill` **3**")),
        rows=(("Who", "Score"), ("Ann", "0.91"), ("漢字", "0.5")),
        buttons=(Button("Go", "drill.next", "primary"), Button("Stop", "run.cancel:number=1", "danger")),
        menu=Menu("lesson.open", (Option("First", "1", "the first"), Option("Second", "2"))),
        files=(File("a.png", b"", alt="a curve"),),
    ),
    "a huge table": Message(rows=tuple((f"{n}", f"name{n}", "x" * (n % 90)) for n in range(1200))),
    "ten thousand characters of code": Message(f"before\n\n```yaml\n{CODE}\n```\n\nafter", title="Log"),
    "a line without a space": Message("word" + "x" * 9_000 + "&" * 2_000),
    "a paragraph of emphasis": Message(" ".join(f"**bold{n}** & _it{n}_" for n in range(900))),
    "many paragraphs": Message("\n\n".join(f"paragraph{n} " + "word " * 50 for n in range(200))),
    "forty buttons": Message(
        "Choose", buttons=tuple(Button(f"Label {n}", f"drill.lesson:slug=s{n}") for n in range(40))
    ),
    "labels too long": Message(
        buttons=(Button("Alpha " + "very " * 20 + "long", "a.b"), Button("Alpha " + "other " * 20 + "end", "a.b")),
        menu=Menu("a.b", (Option("Choice " + "quite " * 30 + "wordy", "1"),), "p" * 140),
    ),
    "a menu of all lessons": Message(menu=Menu("a.b", tuple(Option(f"Lesson {n}", str(n)) for n in range(250)))),
    "many fields": Message(fields=tuple((f"Name {n}", "v" * 10 * n) for n in range(230))),
    "a title too long": Message("x", title="Title " * 60),
    "files alone": Message(files=(File("a.yaml", b"a"), File("b.png", b"b", alt="the loss falls"))),
    "nothing": Message(),
}


@pytest.mark.parametrize("name", GALLERY)
def test_slack_takes_every_view(name):
    for posting in render(GALLERY[name]):
        assert problems_of_message(posting.body()) == []


@pytest.mark.parametrize("name", GALLERY)
def test_no_word_of_a_view_is_lost(name):
    message = GALLERY[name]
    shown = [unescape(words(posting.blocks)) for posting in render(message)]
    letters = _letters("".join(shown))
    for word in _words_of(message):
        assert word in letters, word


def _letters(text: str) -> str:
    """Return a text without marks and cuts, so that a word cut in two is found."""
    return re.sub(r"[\W_]+", "", text)


def _words_of(message: Message) -> list[str]:
    texts = [message.title, message.body, *(cell for row in message.rows for cell in row)]
    texts += [text for fact in message.fields for text in fact]
    texts += [button.label for button in message.buttons]
    texts += [text for o in (message.menu.options if message.menu else ()) for text in (o.label, o.description)]
    texts = [re.sub(r"^```\w+", "", text, flags=re.MULTILINE) for text in texts]  # a fence's language is not shown
    return [_letters(word) for text in texts for word in text.split()]


def test_code_over_several_blocks_is_whole():
    shown = [block["text"]["text"] for posting in render(Message(f"```\n{CODE}\n```")) for block in posting.blocks]
    assert len(shown) > 3
    assert "\n".join(unescape(text).removeprefix("```\n").removesuffix("\n```") for text in shown) == CODE


def test_forty_buttons_are_in_one_message_and_each_says_what_it_does():
    (posting,) = render(GALLERY["forty buttons"])
    shown = elements(posting.blocks)
    assert [element["value"] for element in shown] == [f"drill.lesson:slug=s{n}" for n in range(40)]
    assert [len(block["elements"]) for block in posting.blocks if block["type"] == "actions"] == [25, 15]


def test_the_buttons_of_a_message_that_became_several_are_on_the_last():
    *rest, last = render(Message(GALLERY["many paragraphs"].body, buttons=(Button("Go", "a.b"),)))
    assert rest
    assert [len(elements(posting.blocks)) for posting in rest] == [0] * len(rest)
    assert [element["text"]["text"] for element in elements(last.blocks)] == ["Go"]


def test_notifications_show_the_title_or_the_first_words():
    assert render(Message("body", title="Run 3 & more"))[0].text == "Run 3 &amp; more"
    assert render(Message("**Right.** Because."))[0].text == "*Right.* Because."
    assert len(render(Message("word " * 1000))[0].text) == 150


FORMS = {
    "texts": Form("Submit a run", "submit.form", (Field("config", "Config (YAML)", "long", "exercise: match\n"),)),
    "all kinds": Form(
        "A title that is longer than Slack's",
        "x.form:id=1",
        (
            Field("word", "One word", value="w"),
            Field("choice", "One of three", "choice", "b", tuple(Option(x * 90, x) for x in "abc")),
            Field("many", "One of 250", "choice", "7", tuple(Option(f"N {n}", f"{n}") for n in range(250))),
            Field("file", "A file", "file", required=False),
        ),
    ),
    "a text too long for one input": Form("Mend", "submit.form", (Field("config", "Config", "long", CODE),)),
}


@pytest.mark.parametrize("name", FORMS)
def test_slack_takes_every_form(name):
    assert problems_of_view(modal(FORMS[name], "m" * 3000)) == []


@pytest.mark.parametrize("name", FORMS)
def test_a_form_sent_as_it_was_opened_has_what_it_was_filled_with(name):
    view = modal(FORMS[name], "")
    state = {block["block_id"]: _state(block["element"]) for block in view["blocks"] if block["type"] == "input"}
    given = filled_in({"values": state})
    assert given == {field.name: field.value for field in FORMS[name].fields if field.value}


def _state(element):
    filled = {"type": element["type"], "value": element.get("initial_value"), "files": []}
    return {element["action_id"]: filled | {"selected_option": element.get("initial_option")}}


def test_a_home_tab_shows_a_message_and_what_can_be_done():
    view = home([GALLERY["everything"]], (Button("Drill now", "drill.next"),))
    assert problems_of_view({**view, "callback_id": "home"}) == []
    assert "drill.next" in [element.get("value") for element in elements(view["blocks"])]


def test_an_action_with_the_same_id_twice_is_caught_by_the_validator():
    doubled = render(Message(buttons=(Button("A", "x.y"),)))[0].blocks * 2
    assert "action_ids are not unique" in problems_of_message({"text": "x", "blocks": doubled})
