"""The Web API's methods, the upload and download of files, and response URLs."""

import json
from collections.abc import Callable
from typing import Any

from aiohttp import encode_basic_auth, web

from tests.slack_server.limits import problems_of_message, problems_of_view
from tests.slack_server.state import (
    APP_TOKEN,
    BOT_ID,
    BOT_USER,
    CLIENT_ID,
    CLIENT_SECRET,
    CODE,
    TEAM,
    TEAM_NAME,
    Channel,
    Fault,
    File,
    Json,
    Post,
    SlackError,
    View,
    Workspace,
)


class WebApi:
    """Answers the client library's calls."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.url = ""  # of this server, once it listens
        self._methods: dict[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "oauth.v2.access": self._oauth_access,
            "apps.connections.open": self._connections_open,
            "chat.postMessage": self._post_message,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "conversations.open": self._open,
            "conversations.join": self._join,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "users.info": self._user_info,
            "views.open": self._view_open,
            "views.publish": self._view_publish,
            "files.getUploadURLExternal": self._upload_url,
            "files.completeUploadExternal": self._upload_complete,
            "files.info": self._file_info,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/{method}", self._call),
            web.get("/api/{method}", self._call),
            web.post("/upload/{file}", self._upload),
            web.get("/files/{file}/{name}", self._download),
            web.post("/response/{token}", self._respond),
        ]

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method, arguments = request.match_info["method"], await _arguments(request)
        self._workspace.calls.append((method, arguments))
        fault = self._next_fault(method)
        if fault.retry_after is not None:
            headers = {"Retry-After": str(fault.retry_after)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        try:
            self._authorize(request, method)
            if fault.code:
                raise SlackError(fault.code)
            answer = {"ok": True, **self._methods[method](arguments)}
        except SlackError as error:
            answer = {"ok": False, "error": str(error), "response_metadata": {"messages": error.details}}
        except KeyError as error:
            answer = {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": [repr(error)]}}
        if fault.lost and request.transport:
            request.transport.close()
        return web.json_response(answer, headers={"X-OAuth-Scopes": ",".join(sorted(self._workspace.scopes))})

    def _authorize(self, request: web.Request, method: str) -> None:
        header = request.headers.get("Authorization", "")
        match method:
            case "oauth.v2.access":
                known = header == encode_basic_auth(CLIENT_ID, CLIENT_SECRET)
            case "apps.connections.open":
                known = header == f"Bearer {APP_TOKEN}"
            case _:
                known = header.removeprefix("Bearer ") in self._workspace.tokens
        if not known:
            raise SlackError("invalid_auth")

    def _next_fault(self, method: str) -> Fault:
        waiting = self._workspace.faults.get(method)
        return waiting.pop(0) if waiting else Fault()

    def _auth_test(self, _: Json) -> Json:
        identity = {"url": self.url, "team": TEAM_NAME, "team_id": TEAM, "user": "cohort"}
        return identity | {"user_id": BOT_USER, "bot_id": BOT_ID}

    def _oauth_access(self, arguments: Json) -> Json:
        """Give out a token for a code, or the next one for a refresh token; the one before is void."""
        workspace = self._workspace
        refreshing = "refresh_token" in arguments and arguments["refresh_token"] == workspace.refresh_token
        if not refreshing and arguments.get("code") != CODE:
            raise SlackError("invalid_code" if "code" in arguments else "invalid_refresh_token")
        token, workspace.refresh_token = workspace.new_id("xoxe.xoxb-"), workspace.new_id("xoxe-")
        workspace.tokens = {token}
        answer = {"app_id": "A0", "access_token": token, "token_type": "bot", "scope": "chat:write"}
        answer |= {"refresh_token": workspace.refresh_token, "expires_in": workspace.token_seconds}
        identity = {"bot_user_id": BOT_USER, "team": {"id": TEAM, "name": TEAM_NAME}, "authed_user": {"id": "U1"}}
        return answer | identity

    def _connections_open(self, _: Json) -> Json:
        return {"url": f"{self.url.replace('http', 'ws', 1)}/link"}

    def _post_message(self, arguments: Json) -> Json:
        channel = self._channel(arguments["channel"])
        _refuse(problems_of_message(arguments))
        post = self._workspace.post(channel, BOT_USER, arguments, thread=arguments.get("thread_ts"))
        return {"channel": channel.id, "ts": post.ts, "message": _described(post)}

    def _post_ephemeral(self, arguments: Json) -> Json:
        channel = self._channel(arguments["channel"], member=True)
        _refuse(problems_of_message(arguments))
        if arguments["user"] not in self._workspace.users:
            raise SlackError("user_not_in_channel")
        post = self._workspace.post(channel, BOT_USER, arguments, only_for=arguments["user"])
        return {"message_ts": post.ts}

    def _update(self, arguments: Json) -> Json:
        channel = self._channel(arguments["channel"])
        _refuse(problems_of_message(arguments))
        post = self._workspace.find(channel, arguments["ts"])
        if post.user != BOT_USER:
            raise SlackError("cant_update_message")
        self._edit(post, arguments)
        return {"channel": channel.id, "ts": post.ts}

    def _delete(self, arguments: Json) -> Json:
        channel = self._channel(arguments["channel"])
        channel.posts.remove(self._workspace.find(channel, arguments["ts"]))
        return {}

    def _edit(self, post: Post, body: Json) -> None:
        post.body = {"metadata": post.body.get("metadata"), **body}
        post.edits += 1
        self._workspace.changed()

    def _open(self, arguments: Json) -> Json:
        if arguments["users"] not in self._workspace.users:
            raise SlackError("user_not_found")
        return {"channel": {"id": self._workspace.direct(arguments["users"]).id}}

    def _join(self, arguments: Json) -> Json:
        channel = self._channel(arguments["channel"])
        channel.members.add(BOT_USER)
        return {"channel": {"id": channel.id}}

    def _history(self, arguments: Json) -> Json:
        channel = self._channel(arguments["channel"], member=True)
        posts = [post for post in reversed(channel.posts) if post.thread is None and post.only_for is None]
        replies = [post.thread for post in channel.posts]
        told = [_described(post) | {"reply_count": replies.count(post.ts)} for post in posts]
        return {"messages": _limited(told, arguments)}

    def _replies(self, arguments: Json) -> Json:
        """Return a thread, oldest first, with the message that it hangs on."""
        channel = self._channel(arguments["channel"], member=True)
        posts = [post for post in channel.posts if arguments["ts"] in (post.ts, post.thread) and not post.only_for]
        if not posts or posts[0].thread:
            raise SlackError("thread_not_found")
        return {"messages": _limited([_described(post) for post in posts], arguments)}

    def _user_info(self, arguments: Json) -> Json:
        user = self._workspace.users.get(arguments["user"])
        if user is None:
            raise SlackError("user_not_found")
        profile = {"display_name": user.name, "real_name": f"{user.name} Real"}
        known = {"id": user.id, "name": user.name.lower(), "tz": user.timezone, "is_admin": user.admin}
        return {"user": {**known, "profile": profile}}

    def _view_open(self, arguments: Json) -> Json:
        trigger = self._workspace.triggers.pop(arguments["trigger_id"], None)
        if trigger is None:
            raise SlackError("exchanged_trigger_id")
        if self._workspace.now() > trigger.until:
            raise SlackError("expired_trigger_id")
        _refuse(problems_of_view(arguments["view"]))
        view = View(self._workspace.new_id("V"), trigger.user, arguments["view"])
        self._workspace.views[view.id] = view
        self._workspace.changed()
        return {"view": {"id": view.id}}

    def _view_publish(self, arguments: Json) -> Json:
        _refuse(problems_of_view(arguments["view"]))
        self._workspace.homes[arguments["user_id"]] = arguments["view"]
        self._workspace.changed()
        return {"view": {}}

    def _upload_url(self, arguments: Json) -> Json:
        file = File(self._workspace.new_id("F"), arguments["filename"], length=int(arguments["length"]))
        file.alt = arguments.get("alt_txt", "")
        self._workspace.files[file.id] = file
        return {"upload_url": f"{self.url}/upload/{file.id}", "file_id": file.id}

    async def _upload(self, request: web.Request) -> web.Response:
        file = self._workspace.files[request.match_info["file"]]
        file.data = await request.read()
        return web.Response(text="OK" if len(file.data) == file.length else "wrong length")

    def _upload_complete(self, arguments: Json) -> Json:
        files = [self._workspace.files[file["id"]] for file in arguments["files"]]
        if any(len(file.data) != file.length for file in files):
            raise SlackError("file_not_found")
        if "channel_id" in arguments:
            channel = self._channel(arguments["channel_id"], member=True)
            body = {"text": arguments.get("initial_comment", "")}
            self._workspace.post(channel, BOT_USER, body, thread=arguments.get("thread_ts"), files=files)
        return {"files": [{"id": file.id, "title": file.name} for file in files]}

    def _file_info(self, arguments: Json) -> Json:
        file = self._workspace.files.get(arguments["file"])
        if file is None:
            raise SlackError("file_not_found")
        url = f"{self.url}/files/{file.id}/{file.name}"
        return {"file": {"id": file.id, "name": file.name, "size": len(file.data), "url_private_download": url}}

    async def _download(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._workspace.tokens:
            return web.Response(text="<html>Sign in</html>", content_type="text/html")  # as the real one does
        file = self._workspace.files[request.match_info["file"]]
        return web.Response(body=file.data, content_type="application/octet-stream")

    async def _respond(self, request: web.Request) -> web.Response:
        """Take an answer to an interaction."""
        body = await request.json()
        url = self._workspace.response_urls[request.match_info["token"]]
        self._workspace.calls.append(("response_url", body))
        url.uses -= 1
        if self._workspace.now() > url.until or url.uses < 0:
            reason = "used_url" if url.uses < 0 else "expired_url"
            return web.json_response({"ok": False, "error": reason}, status=404)
        if problems := problems_of_message(body):
            return web.json_response({"ok": False, "error": "; ".join(problems)}, status=400)
        channel = self._workspace.channels[url.channel]
        if body.get("replace_original") and url.pressed:
            self._edit(url.pressed, body)
        else:
            public = body.get("response_type") == "in_channel"
            self._workspace.post(channel, BOT_USER, body, only_for=None if public else url.user)
        return web.json_response({"ok": True})

    def _channel(self, channel_id: str, *, member: bool = False) -> Channel:
        channel = self._workspace.channels.get(channel_id)
        if channel is None or (channel.private and BOT_USER not in channel.members):
            raise SlackError("channel_not_found")
        if channel.archived:
            raise SlackError("is_archived")
        if member and BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        return channel


async def _arguments(request: web.Request) -> Json:
    """Read arguments from the query, a form or JSON; structured ones may come as strings of JSON."""
    given: Json = dict(request.query)
    if request.content_type == "application/json":
        given |= await request.json()
    else:
        given |= dict(await request.post())
    return {name: _structured(name, value) for name, value in given.items() if value is not None}


def _structured(name: str, value: Any) -> Any:
    structured = name in ("blocks", "metadata", "view", "files") and isinstance(value, str)
    return json.loads(value) if structured else value


def _refuse(problems: list[str]) -> None:
    if problems:
        raise SlackError("invalid_blocks", problems)


def _limited(told: list[Json], arguments: Json) -> list[Json]:
    if not arguments.get("include_all_metadata"):
        told = [{key: value for key, value in post.items() if key != "metadata"} for post in told]
    return told[: int(arguments.get("limit", 100))]


def _described(post: Post) -> Json:
    files = {"files": [{"id": file.id, "name": file.name} for file in post.files]} if post.files else {}
    return {"type": "message", "ts": post.ts, "user": post.user, **post.body, **files}
