from datetime import datetime, timedelta

from sqlmodel import select

from bot.store import outbox
from bot.store.database import Store
from bot.store.tables import Delivery


async def put(store: Store, key: str, at: datetime, channel: str = "#lab") -> None:
    async with store.write() as session:
        await outbox.say(session, key=key, kind="k", subject="s", chat="local", channel=channel, at=at)


async def claim(store: Store, at: datetime) -> list[Delivery]:
    async with store.write() as session:
        return await outbox.claim(session, await outbox.due(session, ["local"], at), at)


async def one(store: Store, key: str) -> Delivery:
    async with store.read() as session:
        return (await session.exec(select(Delivery).where(Delivery.key == key))).one()


async def test_the_same_key_is_said_once(store, clock):
    await put(store, "a", clock.now)
    await put(store, "a", clock.now)
    assert [d.key for d in await claim(store, clock.now)] == ["a"]


async def test_a_claim_is_not_given_twice_until_it_lapses(store, clock):
    await put(store, "a", clock.now)
    assert len(await claim(store, clock.now)) == 1
    assert await claim(store, clock.now) == []
    assert len(await claim(store, clock.now + outbox.CLAIM)) == 1


async def test_a_channel_reads_in_order_and_a_failure_holds_up_only_its_own(store, clock):
    for key, channel in (("a1", "#a"), ("a2", "#a"), ("b1", "#b")):
        await put(store, key, clock.now, channel)
    first = {d.key: d for d in await claim(store, clock.now)}
    assert set(first) == {"a1", "b1"}
    async with store.write() as session:
        await outbox.failed(session, first["a1"], "down", clock.now)
        await outbox.sent(session, first["b1"], "1", clock.now)
    assert await claim(store, clock.now) == []
    retried = await claim(store, clock.advance(seconds=1))
    assert [d.key for d in retried] == ["a1"]
    async with store.write() as session:
        await outbox.sent(session, retried[0], "2", clock.now)
    assert [d.key for d in await claim(store, clock.now)] == ["a2"]


async def test_what_is_meant_for_later_holds_nobody_up(store, clock):
    await put(store, "later", clock.now + timedelta(hours=1))
    await put(store, "now", clock.now)
    assert [d.key for d in await claim(store, clock.now)] == ["now"]
    async with store.write() as session:
        await outbox.sent(session, await one(store, "now"), "1", clock.now)
    assert [d.key for d in await claim(store, clock.advance(hours=1))] == ["later"]


async def test_many_rows_at_once_leave_out_the_keys_that_are_there(store, clock):
    await put(store, "a", clock.now)
    row = {"kind": "k", "subject": "s", "chat": "local", "due_at": clock.now, "created_at": clock.now}
    async with store.write() as session:
        await outbox.say_all(session, [{**row, "key": key, "channel": f"#{key}"} for key in ("a", "b", "c")])
        await outbox.say_all(session, [])
    assert sorted(d.key for d in await claim(store, clock.now)) == ["a", "b", "c"]
    assert (await one(store, "a")).channel == "#lab"


async def test_news_becomes_an_edit_at_most_every_two_seconds(store, clock):
    await put(store, "a", clock.now)
    (delivery,) = await claim(store, clock.now)
    async with store.write() as session:
        await outbox.sent(session, delivery, "7", clock.now)
        await outbox.news(session, "a", clock.now)
    assert await claim(store, clock.now) == []
    (edit,) = await claim(store, clock.now + outbox.EDIT_INTERVAL)
    assert edit.reference == "7"


async def test_news_while_a_message_is_being_sent_is_not_lost(store, clock):
    await put(store, "a", clock.now)
    (delivery,) = await claim(store, clock.now)
    async with store.write() as session:
        await outbox.news(session, "a", clock.now)
    async with store.write() as session:
        await outbox.sent(session, delivery, "7", clock.now)
    assert (await one(store, "a")).pending
    assert len(await claim(store, clock.now + outbox.EDIT_INTERVAL)) == 1


async def test_failures_back_off_and_a_final_one_stops(store, clock):
    await put(store, "a", clock.now)
    waits = []
    for _ in range(12):
        (delivery,) = await claim(store, clock.now)
        async with store.write() as session:
            await outbox.failed(session, delivery, "down", clock.now)
        waits.append((await one(store, "a")).due_at - clock.now)
        clock.advance(seconds=waits[-1].total_seconds())
    assert waits[:3] == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
    assert waits[-1] == outbox.BACKOFF_LIMIT
    (delivery,) = await claim(store, clock.now)
    async with store.write() as session:
        await outbox.failed(session, delivery, "gone", clock.now, final=True)
    assert await claim(store, clock.advance(days=1)) == []


async def test_two_processes_that_see_the_same_delivery_do_not_both_say_it(store, clock):
    await put(store, "a", clock.now)
    async with store.read() as session:
        seen = await outbox.due(session, ["local"], clock.now)
    async with store.write() as session:
        (mine,) = await outbox.claim(session, seen, clock.now)
    async with store.write() as session:
        assert await outbox.claim(session, seen, clock.now) == []
    async with store.write() as session:
        await outbox.sent(session, mine, "7", clock.now)
    async with store.write() as session:
        assert await outbox.claim(session, seen, clock.now) == []
