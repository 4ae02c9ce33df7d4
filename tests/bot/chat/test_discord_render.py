"""A gallery of messages through the real client: everything keeps Discord's limits, and no word is lost."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from discord_actor import World, words_of, world
from discord_limits import FILE_LIMIT, Sent, problems

from bot.chat.discord_render import render
from bot.view import Button, File, Menu, Message, Option

LOREM = " ".join(f"word{n}" for n in range(3_000))
CODE = "\n".join(f"    line_{n} = {n}  # a comment" for n in range(400))
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(100)


def button(n: int, label: str = "") -> Button:
    return Button(label or f"choice{n}", f"do:n={n}")


GALLERY = {
    "a word": Message("hello"),
    "nothing at all": Message(),
    "a card": Message("What does it print?", "Basic Training Loop", buttons=tuple(map(button, range(5)))),
    "facts": Message("Good.", "Run 7", fields=(("Score", "87.1%"), ("Why", "x " * 200), ("", ""))),
    "40 facts": Message(fields=tuple((f"name{n}", f"value{n}") for n in range(40))),
    "a fact of 5,000 characters": Message(fields=(("Log", LOREM[:5_000]),)),
    "a title of 1,000 characters": Message("body", title=LOREM[:1_000]),
    "10,000 characters": Message(LOREM[:10_000], "Much"),
    "90,000 characters": Message(" ".join(f"{n}th" for n in range(16_000)), "Too much"),
    "10,000 characters of code": Message(f"```python\n{CODE[:10_000]}\n```", "Code"),
    "one line of 10,000 characters": Message("x" * 10_000),
    "a table": Message(rows=(("Who", "Score"), ("ann", "9"), ("bo", "7"))),
    "a huge table": Message(
        "Ranks", "Board", rows=(("Row", "Said", "No"), *((f"Row {n}", "some words " * 5, f"{n}") for n in range(300)))
    ),
    "many scripts": Message("日本語 العربية हिन्दी 🤷🏽‍♀️ ​ naïve", "Ünïcödé 🎉", rows=(("名前", "点"), ("李雷", "🥇"))),
    "mentions": Message("@everyone <@1> <@&2> @here", "@everyone"),
    "25 buttons": Message("Press", buttons=tuple(map(button, range(25)))),
    "40 buttons": Message("Press", buttons=tuple(map(button, range(40)))),
    "200 buttons": Message("Press", buttons=tuple(map(button, range(200)))),
    "buttons that do the same": Message("Press", buttons=tuple(button(1, f"label{n}") for n in range(30))),
    "a label of 200 characters": Message("Press", buttons=(button(1, LOREM[:200]),)),
    "a menu": Message("Choose", menu=Menu("pick", (Option("one", "1", "the first"), Option("two", "2")), "which?")),
    "a menu of 60": Message("Choose", menu=Menu("pick", tuple(Option(f"option{n}", f"{n}") for n in range(60)))),
    "menu and buttons": Message(
        "Choose",
        menu=Menu("pick", tuple(Option(LOREM[:150], f"{n}", LOREM[:150]) for n in range(3))),
        buttons=tuple(map(button, range(25))),
    ),
    "a file": Message("Here", files=(File("run 1 (final).yaml", b"exercise: match"),)),
    "a picture": Message("Look", "Run 1", files=(File("a.bin", b"1"), File("curve ö.png", PIXEL, alt="It falls."))),
    "a picture alone": Message(files=(File("x.png", PIXEL, alt="A curve."),)),
    "23 files of one name": Message("Here", files=tuple(File("same.txt", b"x") for _ in range(23))),
    "files that fill a message": Message("Here", files=tuple(File(f"{n}.bin", bytes(6 * 2**20)) for n in range(3))),
    "a file that is too large": Message("Here", files=(File("big.bin", bytes(FILE_LIMIT + 1), alt="The weights."),)),
    "a file that is gone": Message("Here", files=(File("gone.png", path="/nowhere/gone.png", alt="A curve."),)),
}


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text))


def said(message: Message) -> Iterator[str]:
    yield from (message.title, re.sub(r"^```\w*", "", message.body))
    for name, value in message.fields:
        yield from (name, value)
    for row in message.rows:
        yield from row
    yield from (button.label for button in message.buttons)
    yield from (file.alt for file in message.files)
    if message.menu:
        yield message.menu.placeholder
        for option in message.menu.options:
            yield from (option.label, option.description)


def shown(discord: World, reference: str) -> str:
    backend = discord.env.backend
    texts = []
    for message in backend.messages[discord.channel.id].values():
        assert str(message.id) in reference.split(",")
        texts += words_of(message)
        for file in message.attachments:
            if file["filename"] == "message.md":
                texts.append(backend.cdn.get(file["url"]).decode())
    return "\n".join(texts)


@pytest.mark.parametrize("name", GALLERY)
async def test_no_word_of_a_message_is_lost(name):
    message = GALLERY[name]
    async with world(None) as discord:
        reference = await discord.chat.send(str(discord.channel.id), message, name)
        text = shown(discord, reference)
    if len(message.body) == 10_000 and " " not in message.body:
        assert text.count("x") == 10_000
    else:
        assert words("\n".join(said(message))) <= words(text)


@pytest.mark.parametrize("name", GALLERY)
async def test_any_message_can_replace_any_other(name):
    async with world(None) as discord:
        channel = str(discord.channel.id)
        reference = await discord.chat.send(channel, GALLERY["a picture"], "before")
        await discord.chat.edit(channel, reference, GALLERY[name])
        (message,) = list(discord.env.backend.messages[discord.channel.id].values())[:1]
        if name != "a picture":
            assert "It falls." not in "\n".join(words_of(message))


def test_a_few_plain_words_are_said_without_a_frame():
    (payload,) = render(Message("Run 3 is cancelled."))
    assert (payload.content, payload.embeds) == ("Run 3 is cancelled.", [])


def test_the_first_picture_stands_in_the_embed_and_keeps_its_description():
    (payload,) = render(GALLERY["a picture"])
    assert payload.embeds[-1].image.url == f"attachment://{payload.files[0].name}"
    assert payload.files[0].alt == "It falls."


def test_a_file_over_the_servers_limit_becomes_a_sentence_that_names_it():
    (payload,) = render(Message("See", files=(File("model.bin", bytes(2_000)),)), file_limit=1_000)
    assert payload.files == []
    assert "`model.bin`" in payload.content


def test_what_would_take_many_messages_is_a_file_beside_the_first_of_them():
    payloads = render(GALLERY["90,000 characters"])
    assert len(payloads) == 5
    assert payloads[-1].content == "The whole of it is in message.md."


def test_40_buttons_are_four_rows_and_a_menu():
    (payload,) = render(GALLERY["40 buttons"])
    assert [len(row) if isinstance(row, tuple) else len(row.options) for row in payload.rows] == [5, 5, 5, 5, 20]


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x" * 2_001},
        {"content": ""},
        {"content": "x", "allowed_mentions": {"parse": ["users"]}},
        {"embeds": [{"description": "x" * 4_097}]},
        {"embeds": [{"description": "x" * 3_001}] * 2},
        {"embeds": [{"title": "x", "image": {"url": "attachment://y.png"}}]},
        {"embeds": [{"title": "x", "fields": [{"name": "", "value": "x"}]}]},
        {"components": [{"components": [{"type": 2, "label": "x" * 81, "custom_id": "a"}]}]},
        {"components": [{"components": [{"type": 2, "label": "x", "custom_id": "a"}] * 2}]},
        {"components": [{"components": [{"type": 3, "custom_id": "a", "options": []}]}]},
        {"content": "x", "nonce": "1" * 26, "enforce_nonce": True},
        {"attachments": [{"filename": "ö.png"}]},
    ],
)
def test_the_validator_sees_what_discord_would_refuse(body):
    assert problems(Sent("POST", "/channels/1/messages", {"allowed_mentions": {"parse": []}} | body))
