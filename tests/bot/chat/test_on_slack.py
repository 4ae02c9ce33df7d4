"""The adapter against the fake Slack, through the real slack_bolt and slack_sdk: by Socket Mode and by HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from slack_actor import World, connect, world

from bot.app import App
from bot.chat import on_slack, slack_workspace
from bot.chat.on_slack import OneTeam, SlackChat
from bot.dispatch import Request
from bot.errors import UserError
from bot.view import Button, Edit, Field, File, Form, Menu, Message, Option, Refused, Reply, Upload
from tests.slack_server import BOT_TOKEN, TEAM, Fault, Person, SlackServer, words
from tests.slack_server.state import BOT_USER, Channel

BAD = "exercise: match\ntraining: {learnig_rate: 3e-3}\n"  # trains nothing, so that no run has to be waited for


@pytest.fixture(params=["socket", "http"])
async def cohort(request: pytest.FixtureRequest, app: App) -> AsyncIterator[World]:
    """The whole of Cohort on Slack."""
    async with world(app.dispatch, http=request.param == "http") as found:
        yield found


class Script:
    """A dispatcher that answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.replies: dict[str, Reply | Callable[[], Reply]] = {}
        self.seconds = 0.0  # that an answer takes

    async def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        await asyncio.sleep(self.seconds)
        reply = self.replies.get(request.route, Message(f"{request.route} it is"))
        return reply() if callable(reply) else reply


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def slack(script: Script) -> AsyncIterator[World]:
    """Slack with the adapter alone."""
    async with world(script) as found:
        yield found


async def done(world: World, what) -> str:
    """Do something, and return the words of the newest message once all is answered."""
    shown = world.slack.shown
    await what
    await world.settled(shown)
    return shown_last(world)


def shown_last(world: World) -> str:
    posts = [post for channel in world.slack.channels.values() for post in channel.posts if post.user == BOT_USER]
    last = max(posts, key=lambda post: post.ts)
    return words(last.blocks) or last.body["text"]


def newest(person: Person):
    return person.sees()[-1]


async def test_a_private_command_is_answered_to_its_sender_alone(cohort: World):
    ann, bo = cohort.person("ann"), cohort.person("bo")
    assert "What I can do" in await done(cohort, ann.command("help"))
    assert newest(ann).channel == cohort.channel.id
    assert bo.sees() == []


async def test_a_public_command_is_answered_in_the_channel(cohort: World):
    ann, bo = cohort.person("ann"), cohort.person("bo")
    await done(cohort, ann.command("leaderboard match"))
    assert "Nobody has a score" in words(newest(bo).blocks)


async def test_the_command_alone_shows_help_and_a_typo_the_nearest(cohort: World):
    ann = cohort.person("ann")
    assert "/cohort submit" in await done(cohort, ann.command(""))
    assert "Did you mean submit?" in await done(cohort, ann.command("sumbit match"))
    assert newest(ann).only_for == ann.user.id


async def test_a_config_with_mistakes_is_refused_in_the_form_which_stays_open(cohort: World):
    ann = cohort.person("ann")
    shown = cohort.slack.shown
    await ann.command("submit match")
    await cohort.settled(shown)
    acknowledged = await ann.fill_in({"config": BAD})
    assert "did you mean learning_rate" in acknowledged["errors"]["config"]
    assert ann.modal
    await cohort.chat.idle()
    assert ann.sees() == []


async def test_a_form_checked_too_late_is_answered_privately_and_mended_in_another(
    cohort: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(on_slack, "FORM_PATIENCE", 0.0)
    ann = cohort.person("ann")
    shown = cohort.slack.shown
    await ann.command("submit match")
    await cohort.settled(shown)
    assert "did you mean learning_rate" in await done(cohort, ann.fill_in({"config": BAD}))
    assert newest(ann).only_for == ann.user.id
    shown = cohort.slack.shown
    await ann.press("Fix it")
    await cohort.settled(shown)
    assert ann.modal
    assert ann.modal.body["blocks"][0]["element"]["initial_value"] == BAD


async def test_a_config_shared_in_direct_messages_is_submitted(cohort: World):
    ann = cohort.person("ann")
    assert "did you mean learning_rate" in await done(cohort, ann.say("", {"mine.yaml": BAD.encode()}))
    assert newest(ann).channel == ann.direct.id
    assert "I can't read `notes.txt`" in await done(cohort, ann.say("look", {"notes.txt": b"x"}))


async def test_a_message_is_edited_in_place(cohort: World):
    ann = cohort.person("ann")
    assert "Why (1/" in await done(cohort, ann.command("lesson basic-training-loop"))
    assert "Step by step (2/" in await done(cohort, ann.press("Next: Step by step"))
    assert len(ann.sees()) == 1


async def test_the_home_tab_shows_the_profile_and_its_buttons_work(cohort: World):
    ann = cohort.person("ann")
    shown = cohort.slack.shown
    await ann.open_home()
    await cohort.settled(shown)
    shown = words(cohort.slack.homes[ann.user.id]["blocks"])
    assert all(part in shown for part in ("Drills due", "Streak", "Your plan"))
    assert "What I can do" in await done(cohort, ann.press_at_home("What I can do"))
    assert newest(ann).channel == ann.direct.id
    shown = cohort.slack.shown
    await ann.press_at_home("Submit a run")
    await cohort.settled(shown)
    acknowledged = await ann.fill_in({"config": BAD})
    assert "did you mean learning_rate" in acknowledged["errors"]["config"]


async def test_a_request_is_acknowledged_before_the_work_on_it_is_done(slack: World, script: Script):
    release = asyncio.Event()

    async def slow(request: Request) -> Reply:
        await release.wait()
        return Message("at last")

    async with world(slow) as patient:
        ann = patient.person("ann")
        await ann.command("help")  # returns with the acknowledgement
        assert ann.sees() == []
        release.set()
        await patient.settled(0)
        assert "at last" in shown_last(patient)


async def test_people_are_known_by_name_and_timezone_and_asked_for_once(slack: World, script: Script):
    ann = Person(slack.slack, slack.slack.person("Ann", "Asia/Tokyo"), slack.channel)
    await done(slack, ann.command("profile"))
    await done(slack, ann.say("a &lt;b&gt; & <c>"))
    command, words_ = script.asked
    assert (command.sender.name, command.sender.timezone) == ("Ann", "Asia/Tokyo")
    assert command.sender.id == words_.sender.id == f"{TEAM}:{ann.user.id}"
    assert command.group == (TEAM, "Study Group")
    assert command.channel == f"{TEAM}:{slack.channel.id}"
    assert words_.values == {"text": "a &lt;b&gt; & <c>"}
    assert len(slack.slack.called("users.info")) == 1


async def test_somebody_whom_slack_does_not_describe_is_answered_all_the_same(slack: World, script: Script):
    ann = slack.person("ann")
    slack.slack.fail("users.info", Fault("missing_scope"))
    assert "profile it is" in await done(slack, ann.command("profile"))
    assert script.asked[0].sender.name == ann.user.id


async def test_in_the_direct_messages_of_two_people_a_private_answer_is_seen_by_one(slack: World, script: Script):
    ann, bo = slack.person("ann"), slack.person("bo")
    theirs = Channel("D9", "theirs", private=True, members={ann.user.id, bo.user.id})
    slack.slack.channels["D9"] = theirs
    await done(slack, ann.command("profile", theirs))
    assert [post.channel for post in ann.sees()] == ["D9"]
    assert bo.sees() == []
    assert script.asked[0].channel == f"@{TEAM}:{ann.user.id}"


async def test_in_direct_messages_with_the_bot_an_answer_stays(slack: World, script: Script):
    ann = slack.person("ann")
    await done(slack, ann.command("profile", ann.direct))
    assert [(post.channel, post.only_for) for post in ann.sees()] == [(ann.direct.id, None)]


async def test_options_arrive_as_they_were_typed(slack: World, script: Script):
    await done(slack, slack.person("ann").command("reminders time:9 timezone:Europe/Berlin"))
    assert script.asked[0].values == {"time": "9", "timezone": "Europe/Berlin"}


async def test_what_slack_brings_twice_is_done_once(slack: World, script: Script):
    ann = slack.person("ann")
    payload = {"type": "event_callback", "team_id": TEAM, "event_id": "Ev1"}
    event = {"type": "message", "channel_type": "im", "channel": ann.direct.id, "user": ann.user.id, "text": "hello"}
    await done(slack, slack.slack.deliver("event", payload | {"event": event}))
    await slack.slack.deliver("event", payload | {"event": event})
    await slack.chat.idle()
    assert len(script.asked) == 1


async def test_only_direct_messages_from_people_are_heard(slack: World, script: Script):
    ann = slack.person("ann")
    message = {"type": "message", "channel": ann.direct.id, "user": ann.user.id, "text": "hello", "ts": "1.0"}
    await ann.event(message | {"channel_type": "channel", "channel": slack.channel.id})
    await ann.event(message | {"channel_type": "im", "subtype": "message_changed"})
    await ann.event(message | {"channel_type": "im", "bot_id": "B9"})
    await done(slack, ann.say("heard"))
    assert [request.values["text"] for request in script.asked] == ["heard"]


async def test_a_menu_brings_its_choice(slack: World, script: Script):
    ann = slack.person("ann")
    script.replies["lesson"] = Message("Which?", menu=Menu("x.open:a=1", (Option("First", "1"), Option("Second", "2"))))
    await done(slack, ann.command("lesson"))
    await done(slack, ann.choose("Second"))
    assert (script.asked[-1].route, script.asked[-1].values) == ("x.open", {"a": "1", "choice": "2"})


async def test_a_form_brings_texts_choices_and_files(slack: World, script: Script):
    ann = slack.person("ann")
    choice = Field("kind", "Kind", "choice", options=(Option("A", "a"), Option("B", "b")))
    script.replies["submit"] = Form("F", "x.sent:id=7", (Field("w", "Word"), choice, Field("f", "File", "file")))
    shown = slack.slack.shown
    await ann.shortcut("submit")
    await slack.settled(shown)
    await done(slack, ann.fill_in({"w": "<hi> & bye", "kind": "b", "f": ("my.yaml", b"data")}))
    assert script.asked[-1].route == "x.sent"
    assert script.asked[-1].values == {"id": "7", "w": "<hi> & bye", "kind": "b", "f": Upload("my.yaml", b"data")}


@pytest.mark.parametrize("answer", [Message("no drill takes that"), Edit(Message("no drill takes that"))])
async def test_what_is_wrong_with_a_field_is_shown_in_the_form_or_when_it_is_late_in_a_message(
    slack: World, script: Script, monkeypatch: pytest.MonkeyPatch, answer: Message | Edit
):
    ann = slack.person("ann")
    script.replies |= {"submit": Form("F", "x.sent", (Field("choice", "Word"),))}
    script.replies["x.sent"] = Refused(answer, (("choice", "Answer with a number."),))
    shown = slack.slack.shown
    await ann.command("submit")
    await slack.settled(shown)
    assert (await ann.fill_in({"choice": "x"}))["errors"] == {"choice": "Answer with a number."}
    monkeypatch.setattr(on_slack, "FORM_PATIENCE", 0.01)
    script.seconds = 0.2
    assert "no drill takes that" in await done(slack, ann.fill_in({"choice": "x"}))
    assert ann.modal is None


async def test_a_form_that_takes_an_hour_to_fill_in_is_answered(slack: World, script: Script):
    ann = slack.person("ann")
    script.replies |= {"submit": Form("F", "x.sent", (Field("w", "Word"),)), "x.sent": Edit(Message("thank you"))}
    shown = slack.slack.shown
    await ann.command("submit")
    await slack.settled(shown)
    slack.slack.advance(3600)
    assert "thank you" in await done(slack, ann.fill_in({"w": "x"}))
    assert newest(ann).only_for == ann.user.id


async def test_who_cannot_be_answered_where_they_are_is_answered_by_direct_message(slack: World, script: Script):
    secret = slack.slack.channel("secret", private=True, with_bot=False)
    ann = Person(slack.slack, slack.slack.person("Ann"), secret)
    script.replies["submit"] = Form("F", "x.sent", (Field("w", "Word"),))
    shown = slack.slack.shown
    await ann.command("submit")
    await slack.settled(shown)
    slack.slack.advance(3600)
    await done(slack, ann.fill_in({"w": "x"}))
    assert newest(ann).channel == ann.direct.id


async def test_a_form_that_comes_too_late_for_slack_says_so(slack: World, script: Script):
    def late() -> Reply:
        slack.slack.advance(4)
        return Form("F", "x.sent", (Field("w", "Word"),))

    script.replies["submit"] = late
    assert "once more" in await done(slack, slack.person("ann").command("submit"))


async def test_a_message_shortcut_takes_the_config_in_the_message(slack: World, script: Script):
    ann, bo = slack.person("ann"), slack.person("bo")
    script.replies["submit"] = Form("F", "submit.form", (Field("config", "Config", "long", "template"),))
    said = slack.slack.post(
        slack.channel, bo.user.id, {"text": "try\n```\nexercise: match\nmodel: tiny\n```\nit's good"}
    )
    shown = slack.slack.shown
    await ann.message_shortcut("submit", said)
    await slack.settled(shown)
    await done(slack, ann.fill_in({}))
    assert script.asked[-1].values == {"config": "exercise: match\nmodel: tiny"}
    file = slack.slack.share(bo.user.id, "b.yaml", b"exercise: match")
    shared = slack.slack.post(slack.channel, bo.user.id, {"text": ""}, files=[file])
    shown = slack.slack.shown
    await ann.message_shortcut("submit", shared)
    await slack.settled(shown)
    assert script.asked[-1].values == {"file": Upload("b.yaml", b"exercise: match")}


async def test_a_shortcut_asks_the_tutor_about_a_message_or_opens_its_menu(slack: World, script: Script):
    ann, bo = slack.person("ann"), slack.person("bo")
    said = slack.slack.post(slack.channel, bo.user.id, {"text": "why is my loss &lt;nan&gt;?"})
    for act, values in (
        (ann.message_shortcut("ask", said), {"question": "why is my loss <nan>?"}),
        (ann.shortcut("ask"), {}),
    ):
        shown = slack.slack.shown
        await act
        await slack.settled(shown)
        assert (script.asked[-1].route, script.asked[-1].values) == ("ask", values)


async def test_files_of_a_private_answer_come_by_direct_message(slack: World, script: Script):
    ann = slack.person("ann")
    script.replies["template"] = Message("Here", files=(File("match.yaml", b"exercise: match"),))
    await done(slack, ann.command("template"))
    answer, files = ann.sees()
    assert answer.channel == slack.channel.id
    assert "direct messages" in words(answer.blocks)
    assert (files.channel, files.files[0].name, files.files[0].data) == (
        ann.direct.id,
        "match.yaml",
        b"exercise: match",
    )


async def test_pictures_of_a_public_answer_are_shared_in_the_channel_with_their_words(slack: World, script: Script):
    picture = File("board.png", b"\x89PNG", alt="Ann leads with 0.91")
    script.replies["leaderboard"] = Message("The board", files=(picture,))
    outside = slack.slack.channel("outside", with_bot=False)
    ann = Person(slack.slack, slack.slack.person("Ann"), outside)
    await done(slack, ann.command("leaderboard"))
    _, shared = outside.posts
    assert (shared.files[0].data, shared.files[0].alt) == (picture.data, picture.alt)


async def test_a_file_that_slack_keeps_from_us_is_explained(slack: World, script: Script):
    slack.slack.fail("files.info", Fault("file_not_found"))
    assert "It is in the log as" in await done(slack, slack.person("ann").say("", {"a.yaml": b"x"}))
    slack.slack.files.clear()
    huge = slack.person("bo").say("", {"huge.yaml": b"x" * (8 * 2**20 + 1)})
    assert "`huge.yaml` is too large" in await done(slack, huge)
    assert script.asked == []


async def test_buttons_of_an_old_process_work_with_a_new_one(slack: World, script: Script):
    ann = slack.person("ann")
    script.replies["profile"] = Message("x", buttons=(Button("Go", "drill.lesson:slug=a"),))
    await done(slack, ann.command("profile"))
    await slack.chat.stop()
    slack.slack.connected.clear()
    slack.chat = connect(slack.slack, script)
    await slack.chat.start()
    await done(slack, ann.press("Go"))
    assert (script.asked[-1].route, script.asked[-1].values) == ("drill.lesson", {"slug": "a"})


async def test_slack_may_ask_for_a_new_connection_at_any_time(slack: World, script: Script):
    ann = slack.person("ann")
    await slack.slack.refresh()
    assert slack.slack.connections == 2
    assert "profile it is" in await done(slack, ann.command("profile"))


async def test_a_fault_of_ours_is_told_with_a_reference_that_is_in_the_log(slack: World, script: Script, caplog):
    def broken() -> Reply:
        raise ZeroDivisionError("secret detail")

    script.replies["profile"] = broken
    told = await done(slack, slack.person("ann").command("profile"))
    assert "secret" not in told
    assert told.split("`")[1] in caplog.text


async def test_stopping_finishes_what_is_being_answered(script: Script):
    release = asyncio.Event()

    async def slow(request: Request) -> Reply:
        await release.wait()
        return Message("at last")

    async with SlackServer() as slack:
        chat = connect(slack, slow)
        await chat.start()
        ann = Person(slack, slack.person("Ann"), slack.channel("lab"))
        await ann.command("help")
        stopping = asyncio.create_task(chat.stop())
        assert await asyncio.wait({stopping}, timeout=0.3) == (set(), {stopping})
        release.set()
        await stopping
        assert "at last" in words(newest(ann).blocks)


async def test_a_rate_limit_is_waited_out(slack: World, script: Script):
    slack.slack.fail("users.info", Fault(retry_after=0))
    assert "profile it is" in await done(slack, slack.person("ann").command("profile"))
    assert len(slack.slack.called("users.info")) == 2


async def test_a_start_while_slack_is_down_goes_on_when_it_is_back(script: Script, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slack_workspace, "PAUSE_LIMIT", 0.01)
    monkeypatch.setattr(slack_workspace, "PAUSE", 0.01)
    async with SlackServer() as slack:
        chat = connect(slack, script)
        slack.fail("auth.test", *[Fault(lost=True)] * 2, Fault("internal_error"))
        with pytest.raises(ConnectionError):
            await chat.send("C1", Message("x"), "k")
        await chat.start()
        assert len(slack.called("auth.test")) == 4
        await chat.stop()


async def test_http_requests_without_slack_s_signature_are_refused(script: Script):
    async with world(script, http=True) as web:
        body = "command=/cohort&text=help&team_id=T1&channel_id=C1&user_id=U1&trigger_id=1&response_url=http://x"
        content = {"Content-Type": "application/x-www-form-urlencoded"}
        forged = content | web.slack.signature(body, secret="guess")
        old = web.slack.signature(body)
        web.slack.advance(-3600)
        replayed = content | web.slack.signature(body)
        async with aiohttp.ClientSession() as session:
            for headers in (content, forged, replayed, content | {**old, "X-Slack-Signature": "v0=0"}):
                async with session.post(web.chat.url, data=body, headers=headers) as answer:
                    assert answer.status == 401
    assert script.asked == []


async def test_tokens_that_slack_refuses_are_explained(script: Script):
    async with SlackServer() as slack:
        wrong_bot = SlackChat(script, OneTeam("xoxb-no", slack.api), app_token="xapp-test", base_url=slack.api)
        with pytest.raises(UserError, match="bot's token: invalid_auth"):
            await wrong_bot.start()
        wrong_app = SlackChat(script, OneTeam(BOT_TOKEN, slack.api), app_token="xapp-no", base_url=slack.api)
        with pytest.raises(UserError, match="app token: invalid_auth"):
            await wrong_app.start()
    with pytest.raises(UserError, match="one thing more"):
        SlackChat(script, OneTeam(BOT_TOKEN))
