from datetime import timedelta

import pytest
from sqlmodel import select

import bot.commands  # noqa: F401  (registers the announcements)
from bot.chat.built_in import BuiltInChat
from bot.command import ANNOUNCEMENTS
from bot.delivery import Outbox, UndeliverableError
from bot.store import outbox
from bot.store.tables import Delivery, Group
from bot.study import group_setup
from bot.study.membership import Sender, identify
from bot.view import File, Message


class Flaky:
    """The built-in chat behind a connection that a test breaks: before the words arrive, or after."""

    def __init__(self, chat: BuiltInChat) -> None:
        self.chat = chat
        self.fail_before: Exception | None = None
        self.fail_after: Exception | None = None
        self.under: dict[str, str | None] = {}  # by nonce: in whose thread it was said

    async def send(self, channel: str, message: Message, nonce: str, under: str | None = None) -> str:
        if self.fail_before:
            raise self.fail_before
        self.under[nonce] = under
        reference = await self.chat.send(channel, message, nonce)
        if self.fail_after:
            raise self.fail_after
        return reference

    async def edit(self, channel: str, reference: str, message: Message) -> None:
        if self.fail_before:
            raise self.fail_before
        await self.chat.edit(channel, reference, message)


@pytest.fixture
def words(monkeypatch):
    """What the announcement `test` says at present, by subject."""
    said: dict[str, Message | None] = {}

    async def draw(session, services, subject, now):
        return said[subject]

    monkeypatch.setitem(ANNOUNCEMENTS, "test", draw)
    return said


@pytest.fixture
async def post(store, clock, words):
    chat = Flaky(BuiltInChat(store))
    sender = Outbox(store, None, {"local": chat}, clock)

    async def put(key: str, channel: str = "#lab", chat: str = "local", under: str | None = None) -> None:
        async with store.write() as session:
            await outbox.say(
                session, key=key, kind="test", subject=key, chat=chat, channel=channel, under=under, at=clock.now
            )

    async def shown() -> list[str]:
        return [posted.message.body for posted in await chat.chat.latest(["#lab"], 100)]

    sender.put, sender.shown, sender.chat, sender.words = put, shown, chat, words
    return sender


async def test_what_is_said_arrives_and_what_changes_is_edited_in_place(post, store, clock):
    post.words["a"] = Message("one")
    await post.put("a")
    assert await post.tick() == 1
    post.words["a"] = Message("two")
    async with store.write() as session:
        await outbox.news(session, "a", clock.now)
    assert await post.tick() == 0
    clock.advance(seconds=2)
    assert await post.tick() == 1
    assert await post.shown() == ["two"]


async def test_a_chat_that_is_down_delays_words_and_loses_none_and_keeps_their_order(post, clock):
    for key in "abc":
        post.words[key] = Message(key)
        await post.put(key)
    post.chat.fail_before = ConnectionError("down")
    for _ in range(5):
        await post.tick()
        clock.advance(minutes=1)
    assert await post.shown() == []
    post.chat.fail_before = None
    clock.advance(minutes=10)
    for _ in range(3):
        await post.tick()
    assert await post.shown() == ["a", "b", "c"]


async def test_words_whose_receipt_was_lost_are_not_said_twice(post, clock):
    post.words["a"] = Message("once")
    await post.put("a")
    post.chat.fail_after = ConnectionError("the answer was lost")
    await post.tick()
    post.chat.fail_after = None
    clock.advance(minutes=1)
    await post.tick()
    assert await post.shown() == ["once"]


async def test_a_channel_that_is_gone_is_given_up_and_the_others_go_on(post, store, clock):
    post.words |= {"a": Message("a"), "b": Message("b")}
    await post.put("a", "#gone")
    post.chat.fail_before = UndeliverableError("no such channel")
    await post.tick()
    post.chat.fail_before = None
    await post.put("b")
    clock.advance(days=1)
    await post.tick()
    assert await post.shown() == ["b"]
    async with store.read() as session:
        gone = (await session.exec(select(Delivery).where(Delivery.key == "a"))).one()
    assert not gone.pending
    assert "no such channel" in gone.error


async def test_one_announcement_that_cannot_be_drawn_does_not_hold_up_another_channel(post):
    post.words["b"] = Message("b")
    await post.put("a", "#other")
    await post.put("b")
    await post.tick()
    assert await post.shown() == ["b"]


async def test_what_is_said_under_another_waits_for_it_and_holds_up_nothing(post, clock):
    post.words |= {key: Message(key) for key in ("result", "detail", "next")}
    await post.put("result")
    await post.put("detail", under="result")
    post.chat.fail_before = ConnectionError("down")
    assert await post.tick() == 1
    post.chat.fail_before = None
    clock.advance(minutes=1)
    assert await post.tick() == 1
    await post.put("next")
    assert await post.tick() == 2
    (result, *_) = await post.chat.chat.latest(["#lab"], 10)
    assert post.chat.under == {"result": None, "detail": str(result.id), "next": None}


@pytest.mark.parametrize("never_said", ["given up", "nothing to say"])
async def test_what_is_said_under_what_was_never_said_is_said_in_the_channel(post, never_said):
    post.words |= {"result": None, "detail": Message("detail")}
    if never_said == "given up":
        post.words["result"] = Message("result")
        post.chat.fail_before = UndeliverableError("too long, say")
    await post.put("result")
    await post.put("detail", under="result")
    await post.tick()
    post.chat.fail_before = None
    await post.tick()
    assert await post.shown() == ["detail"]
    assert post.chat.under == {"detail": None}


async def test_the_built_in_chat_keeps_what_is_said_under_another_out_of_the_channel(store):
    chat = BuiltInChat(store)
    result = await chat.send("#lab", Message("result"), "a")
    await chat.send("#lab", Message("detail"), "b", result)
    assert [posted.message.body for posted in await chat.latest(["#lab"], 10)] == ["result"]


async def test_what_no_longer_needs_saying_is_dropped(post):
    post.words["a"] = None
    await post.put("a")
    assert await post.tick() == 1
    assert await post.tick() == 0
    assert await post.shown() == []


async def test_a_chat_that_is_not_connected_keeps_its_words_for_later(post, store):
    await post.put("a", chat="discord")
    assert await post.tick() == 0
    async with store.read() as session:
        assert (await session.exec(select(Delivery))).one().pending


async def test_files_come_through_the_built_in_chat_whole(post):
    data = bytes(range(256))
    post.words["a"] = Message("see", files=(File("x.png", data, alt="a picture"),))
    await post.put("a")
    await post.tick()
    (posted,) = await post.chat.chat.latest(["#lab"], 1)
    assert posted.message.files[0].data == data


async def test_a_window_sees_news_once_and_edits_as_higher_revisions(post, store, clock):
    post.words["a"] = Message("one")
    await post.put("a")
    await post.tick()
    (seen,) = await post.chat.chat.since(["#lab"], clock.now - timedelta(days=1000))
    await post.chat.chat.edit("#lab", str(seen.id), Message("two"))
    (edited,) = await post.chat.chat.since(["#lab"], seen.at)
    assert (edited.id, edited.message.body, edited.revision) == (seen.id, "two", 2)


async def test_a_dead_results_channel_is_told_to_an_admin_once_and_no_longer_used(post, store, clock):
    async with store.write() as session:
        admin, group = await identify(session, Sender("local", "ann", "Ann"), ("#lab", "lab"), clock.now)
        await group_setup.set_results_channel(session, group, admin, "#gone")
        for key in ("a", "b"):
            post.words[key] = Message(key)
            await outbox.say(
                session,
                key=key,
                kind="test",
                subject=key,
                chat="local",
                channel="#gone",
                group_id=group.id,
                at=clock.now,
            )
    post.chat.fail_before = UndeliverableError("no such channel")
    await post.tick()
    post.chat.fail_before = None
    await post.tick()
    post.chat.fail_before = UndeliverableError("no such channel")
    await post.tick()
    post.chat.fail_before = None
    await post.tick()
    told = await post.chat.chat.latest(["@ann"], 10)
    assert [message.message.body.partition(":")[0] for message in told] == ["I cannot post in channel `#gone` of lab"]
    async with store.read() as session:
        assert (await session.exec(select(Group.results_channel))).one() is None
