"""What is said unasked on Slack, against the fake: said once, in place, with its files, and given up in time."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_actor import World, world
from slack_sdk.errors import SlackApiError

from bot.chat.slack_delivery import Deliveries
from bot.chat.slack_teams import OneTeam
from bot.chat.slack_workspace import Workspace
from bot.delivery import UndeliverableError
from bot.dispatch import Request
from bot.view import File, Message
from tests.slack_server import BOT_TOKEN, TEAM, Fault, words

LONG = Message("\n\n".join(f"paragraph{n} " + "word " * 50 for n in range(100)))
PICTURE = File("run-1.png", b"\x89PNG", alt="the loss falls to 0.3")
CONFIG = File("run-1.yaml", b"exercise: match")


async def nobody(request: Request) -> None:
    """Answer nothing: here the bot speaks unasked."""


@pytest.fixture
async def slack() -> AsyncIterator[World]:
    async with world(nobody) as found:
        yield found


@pytest.fixture
async def workspace(slack: World) -> AsyncIterator[Workspace]:
    team = OneTeam(BOT_TOKEN, slack.slack.api)
    await team.start()
    yield await team.of(TEAM)
    await team.close()


@pytest.fixture
def deliveries(workspace: Workspace) -> Deliveries:
    return Deliveries(workspace)


def said(slack: World) -> list[str]:
    return [words(post.blocks) or post.files[0].name for post in slack.channel.posts]


async def test_a_message_is_said_and_edited_in_place(slack: World):
    address = f"{TEAM}:{slack.channel.id}"
    reference = await slack.chat.send(address, Message("Waiting, place 2."), "run:1")
    await slack.chat.edit(address, reference, Message("Step 3 of 9"))
    assert said(slack) == ["Step 3 of 9"]
    assert slack.channel.posts[0].body["metadata"]["event_payload"] == {"key": "run:1", "part": 0}


async def test_a_person_is_told_by_direct_message(slack: World, deliveries: Deliveries):
    ann = slack.person("ann")
    await deliveries.send(f"@{TEAM}:{ann.user.id}", Message("Two minutes are enough."), "a")
    await deliveries.send(f"@{ann.user.id}", Message("So are three."), "b")
    assert [words(post.blocks) for post in ann.direct.posts] == ["Two minutes are enough.", "So are three."]
    assert len(slack.slack.called("conversations.open")) == 1


async def test_the_same_key_says_nothing_twice(slack: World, deliveries: Deliveries):
    first = await deliveries.send(slack.channel.id, Message("once"), "k")
    assert await deliveries.send(slack.channel.id, Message("once"), "k") == first
    assert said(slack) == ["once"]


async def test_a_lost_answer_is_not_said_again(slack: World, deliveries: Deliveries):
    slack.slack.fail("chat.postMessage", Fault(lost=True))
    with pytest.raises(aiohttp.ClientError):
        await deliveries.send(slack.channel.id, Message("once"), "k")
    assert await deliveries.send(slack.channel.id, Message("once"), "k") == slack.channel.posts[0].ts
    assert said(slack) == ["once"]


async def test_a_new_process_says_nothing_that_the_last_one_said(slack: World, workspace: Workspace):
    await Deliveries(workspace).send(slack.channel.id, Message("once", files=(PICTURE,)), "k")
    await Deliveries(workspace).send(slack.channel.id, Message("once", files=(PICTURE,)), "k")
    assert said(slack) == ["once", "run-1.png"]


async def test_the_history_is_read_once_a_channel(slack: World, deliveries: Deliveries):
    for key in "abc":
        await deliveries.send(slack.channel.id, Message(key), key)
    assert len(slack.slack.called("conversations.history")) == 1


async def test_files_hang_in_the_message_s_thread_with_their_words(slack: World, deliveries: Deliveries):
    reference = await deliveries.send(slack.channel.id, Message("Run 1", files=(PICTURE,)), "k")
    picture = slack.channel.posts[1]
    assert picture.thread == reference
    assert (picture.files[0].data, picture.files[0].alt) == (PICTURE.data, PICTURE.alt)


async def test_a_message_under_another_stands_in_its_thread_with_its_files(slack: World, deliveries: Deliveries):
    result = await deliveries.send(slack.channel.id, Message("Run 1", files=(PICTURE,)), "result")
    reference = await deliveries.send(slack.channel.id, Message("details", files=(CONFIG,)), "detail", result)
    await deliveries.edit(slack.channel.id, reference, Message("all details"))
    assert said(slack) == ["Run 1", "run-1.png", "all details", "run-1.yaml"]
    assert [post.thread for post in slack.channel.posts] == [None, result, result, result]


async def test_an_edit_in_a_thread_that_needs_more_messages_stays_there(slack: World, deliveries: Deliveries):
    result = await deliveries.send(slack.channel.id, Message("Run 1"), "result")
    reference = await deliveries.send(slack.channel.id, Message("details"), "detail", result)
    await deliveries.edit(slack.channel.id, reference, LONG)
    assert len(slack.channel.posts) > 2
    assert {post.thread for post in slack.channel.posts[1:]} == {result}


async def test_what_a_thread_has_is_not_said_there_again(slack: World, workspace: Workspace):
    result = await Deliveries(workspace).send(slack.channel.id, Message("Run 1", files=(PICTURE,)), "result")
    slack.slack.fail("files.completeUploadExternal", Fault("internal_error"))
    detail = Message("details", files=(CONFIG,))
    with pytest.raises(SlackApiError):
        await Deliveries(workspace).send(slack.channel.id, detail, "detail", result)
    for _ in range(2):
        await Deliveries(workspace).send(slack.channel.id, detail, "detail", result)
    assert said(slack) == ["Run 1", "run-1.png", "details", "run-1.yaml"]


async def test_a_thread_whose_message_is_gone_is_given_up(slack: World, deliveries: Deliveries):
    slack.slack.fail("chat.postMessage", Fault("thread_not_found"))
    with pytest.raises(UndeliverableError, match="thread_not_found"):
        await deliveries.send(slack.channel.id, Message("details"), "detail", "1.0")


async def test_files_that_failed_are_shared_without_repeating_the_words(slack: World, deliveries: Deliveries):
    slack.slack.fail("files.completeUploadExternal", Fault("internal_error"))
    with pytest.raises(SlackApiError):
        await deliveries.send(slack.channel.id, Message("Run 1", files=(PICTURE,)), "k")
    await deliveries.send(slack.channel.id, Message("Run 1", files=(PICTURE,)), "k")
    assert said(slack) == ["Run 1", "run-1.png"]


async def test_what_is_too_long_for_one_message_goes_on_where_it_broke_off(slack: World, deliveries: Deliveries):
    slack.slack.fail("chat.postMessage", Fault(), Fault("internal_error"))
    with pytest.raises(SlackApiError):
        await deliveries.send(slack.channel.id, LONG, "k")
    reference = await deliveries.send(slack.channel.id, LONG, "k")
    assert reference.split(",") == [post.ts for post in slack.channel.posts]
    text = "\n".join(said(slack))
    assert [text.count(f"paragraph{n} ") for n in range(100)] == [1] * 100


async def test_an_edit_may_need_fewer_messages_or_more(slack: World, deliveries: Deliveries):
    reference = await deliveries.send(slack.channel.id, LONG, "k")
    await deliveries.edit(slack.channel.id, reference, Message("short"))
    assert said(slack) == ["short"]
    await deliveries.edit(slack.channel.id, slack.channel.posts[0].ts, LONG)
    assert len(said(slack)) == len(reference.split(","))
    assert "paragraph99" in said(slack)[-1]


async def test_a_channel_that_is_public_is_joined_for_its_files(slack: World, deliveries: Deliveries):
    outside = slack.slack.channel("outside", with_bot=False)
    await deliveries.send(outside.id, Message("Run 1", files=(PICTURE,)), "k")
    assert [len(post.files) for post in outside.posts] == [0, 1]


@pytest.mark.parametrize("code", ["channel_not_found", "is_archived", "not_in_channel", "account_inactive"])
async def test_what_cannot_be_helped_is_given_up(slack: World, deliveries: Deliveries, code: str):
    slack.slack.fail("chat.postMessage", Fault(code))
    with pytest.raises(UndeliverableError, match=code):
        await deliveries.send(slack.channel.id, Message("x"), "k")


async def test_places_that_are_gone_are_given_up(slack: World, deliveries: Deliveries):
    for address in ("C404", "@U404"):
        with pytest.raises(UndeliverableError):
            await deliveries.send(address, Message("x"), address)
    slack.channel.archived = True
    with pytest.raises(UndeliverableError, match="is_archived"):
        await deliveries.send(slack.channel.id, Message("x"), "k")
    with pytest.raises(UndeliverableError, match="message_not_found"):
        slack.channel.archived = False
        await deliveries.edit(slack.channel.id, "1.0", Message("x"))


async def test_what_may_pass_is_not_given_up(slack: World, deliveries: Deliveries):
    slack.slack.fail("chat.postMessage", Fault("internal_error"))
    with pytest.raises(SlackApiError):
        await deliveries.send(slack.channel.id, Message("x"), "k")


async def test_a_rate_limit_is_waited_out(slack: World, deliveries: Deliveries):
    slack.slack.fail("chat.postMessage", Fault(retry_after=0))
    await deliveries.send(slack.channel.id, Message("x"), "k")
    assert said(slack) == ["x"]
    assert len(slack.slack.called("chat.postMessage")) == 2


async def test_a_broken_connection_is_tried_again_where_that_does_no_harm(slack: World, workspace: Workspace):
    slack.slack.fail("users.info", Fault(lost=True))
    ann = slack.person("ann")
    assert (await workspace.person(ann.user.id)).name == "Ann"
    assert len(slack.slack.called("users.info")) == 2
