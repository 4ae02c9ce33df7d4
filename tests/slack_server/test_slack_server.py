"""The fake keeps Slack's rules; a fake that lets everything pass would prove nothing."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack_server import BOT_TOKEN, Fault, Person, SlackServer
from tests.slack_server.limits import problems_of_message, problems_of_view
from tests.slack_server.state import ResponseUrl, Trigger

MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Title"}, "blocks": [{"type": "divider"}]}


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer(patience=0.05) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=slack.api)


async def test_a_modal_opens_once_and_within_three_seconds(slack: SlackServer, client: AsyncWebClient):
    slack.triggers |= {t: Trigger("U1", slack.now() + 3) for t in ("t1", "t2")}
    await client.views_open(trigger_id="t1", view=MODAL)
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id="t1", view=MODAL)
    slack.advance(4)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id="t2", view=MODAL)


async def test_a_response_url_works_five_times_for_half_an_hour(slack: SlackServer):
    channel = slack.channel("lab")
    slack.response_urls |= {t: ResponseUrl(channel.id, "U1", None, slack.now() + 1800) for t in ("r1", "r2")}
    async with aiohttp.ClientSession() as session:

        async def answer(token: str) -> int:
            async with session.post(f"{slack.url}/response/{token}", json={"text": "x"}) as response:
                return response.status

        assert [await answer("r1") for _ in range(6)] == [200] * 5 + [404]
        slack.advance(1801)
        assert await answer("r2") == 404


async def test_who_is_not_known_or_not_there_is_refused(slack: SlackServer, client: AsyncWebClient):
    private = slack.channel("private", private=True, with_bot=False)
    public = slack.channel("public", with_bot=False)
    await client.chat_postMessage(channel=public.id, text="x")
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.chat_postMessage(channel=private.id, text="x")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await client.conversations_history(channel=public.id)
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await AsyncWebClient(token="xoxb-other", base_url=slack.api).auth_test()
    slack.fail("auth.test", Fault(retry_after=7))
    with pytest.raises(SlackApiError) as limited:
        await client.auth_test()
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "7")


async def test_what_is_not_acknowledged_is_brought_again(slack: SlackServer):
    ann = Person(slack, slack.person("Ann"), slack.channel("lab"))
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{slack.url}/link") as socket:
        assert (await socket.receive_json())["type"] == "hello"
        typing = asyncio.create_task(ann.command("help"))
        first, second = await socket.receive_json(), await socket.receive_json()
        assert first["payload"] == second["payload"]
        await socket.send_json({"envelope_id": second["envelope_id"]})
        await typing
    assert slack.deliveries == ["command"] * 2


def text(size: int, kind: str = "mrkdwn") -> dict[str, str]:
    return {"type": kind, "text": "x" * size}


def button(n: int, **changes: object) -> dict[str, object]:
    return {"type": "button", "action_id": f"{n}", "text": text(5, "plain_text"), "value": "v"} | changes


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "divider"}] * 51,
        [{"type": "section", "text": text(3001)}],
        [{"type": "section", "text": text(0)}],
        [{"type": "section"}],
        [{"type": "section", "text": text(2900)}] * 5,
        [{"type": "section", "fields": [text(5)] * 11}],
        [{"type": "header", "text": text(151, "plain_text")}],
        [{"type": "header", "text": text(5)}],
        [{"type": "actions", "elements": [button(n) for n in range(26)]}],
        [{"type": "actions", "elements": [button(1), button(1)]}],
        [{"type": "actions", "elements": [button(1, text=text(76, "plain_text"))]}],
        [{"type": "actions", "elements": [button(1, value="v" * 2001)]}],
        [{"type": "actions", "elements": [button(1, action_id="a" * 256)]}],
        [{"type": "actions", "elements": [button(1, style="loud")]}],
        [{"type": "input", "label": text(5, "plain_text"), "element": button(1)}],
    ],
)
def test_a_message_that_slack_would_refuse_is_refused(blocks):
    assert problems_of_message({"text": "x", "blocks": blocks})


@pytest.mark.parametrize(
    "change",
    [
        {"title": text(25, "plain_text")},
        {"private_metadata": "m" * 3001},
        {"callback_id": "c" * 256},
        {"blocks": [{"type": "divider"}] * 101},
        {"blocks": [{"type": "input", "label": text(5, "plain_text"), "element": {"type": "email", "action_id": "a"}}]},
    ],
)
def test_a_modal_that_slack_would_refuse_is_refused(change):
    assert problems_of_view(MODAL) == []
    assert problems_of_view(MODAL | change)
