"""A small Hugging Face Hub: a file server that the real clients speak to, with HF_ENDPOINT set before their import."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_of_somebody_who_accepted"

_API = re.compile(
    r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|paths-info|auth-check)(?:/([^/]+)(?:/(.*))?)?)?"
)
_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repo:
    """One repository; `claims` are files that are listed with a size and are not there."""

    files: Mapping[str, bytes]
    gated: bool = False
    claims: Mapping[str, int] = field(default_factory=dict)

    @property
    def sha(self) -> str:
        return hashlib.sha1(
            json.dumps([(n, hashlib.sha1(d).hexdigest()) for n, d in sorted(self.files.items())]).encode()
        ).hexdigest()

    @property
    def sizes(self) -> dict[str, int]:
        return {name: len(data) for name, data in self.files.items()} | dict(self.claims)


class HubServer:
    """Serves repositories by kind (`models`, `datasets`) and name; `asked` has the path of every request."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, Repo]] = {"models": {}, "datasets": {}}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, kind: str, name: str, files: Mapping[str, bytes], **more: Any) -> Repo:
        repo = self.repos[kind][name] = Repo(files, **more)
        return repo

    @contextmanager
    def serving(self) -> Iterator["HubServer"]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(hub) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub._answer(self)

            do_HEAD = do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        path = unquote(url.path)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.asked.append(path)
        if path in ("/api/models", "/api/datasets"):
            self._list(request, path.rpartition("/")[2], parse_qs(url.query))
        elif found := _API.fullmatch(path):
            self._serve(request, found[1], found[2], found[3] or "", found[4], found[5] or "", body, url.query.lower())
        elif found := _FILE.fullmatch(path):
            self._serve(
                request, "datasets" if found[1] else "models", found[2], "resolve", found[3], found[4], body, ""
            )
        else:
            _refuse(request, 404, "")

    def _serve(
        self,
        request: BaseHTTPRequestHandler,
        kind: str,
        name: str,
        what: str,
        revision: str | None,
        below: str,
        body: bytes,
        query: str,
    ) -> None:
        repo = self.repos[kind].get(name)
        if repo is None:
            _refuse(request, 404 if self._knows(request) else 401, "RepoNotFound")
        elif revision not in (None, "main", repo.sha):
            _refuse(request, 404, "RevisionNotFound")
        elif repo.gated and what in ("resolve", "auth-check") and not self._knows(request):
            _refuse(request, 403 if request.headers.get("Authorization") else 401, "GatedRepo")
        elif what == "resolve":
            _send_file(request, repo, below)
        elif what == "tree":
            _send(request, _tree(repo, below, recursive="recursive=true" in query))
        elif what == "paths-info":
            _send(request, [entry for entry in _tree(repo, "", recursive=True) if entry["path"] in _paths(body)])
        else:
            _send(request, _info(name, repo))

    def _knows(self, request: BaseHTTPRequestHandler) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _list(self, request: BaseHTTPRequestHandler, kind: str, query: dict[str, list[str]]) -> None:
        author, search = query.get("author", [""])[0], query.get("search", [""])[0]
        names = [n for n in self.repos[kind] if n.startswith(f"{author}/" if author else "") and search in n]
        _send(request, [{"id": name, "modelId": name, "private": False, "tags": []} for name in names])


def _info(name: str, repo: Repo) -> dict[str, Any]:
    siblings = [{"rfilename": file, "size": size, "blobId": "0" * 40} for file, size in repo.sizes.items()]
    about = {"id": name, "modelId": name, "sha": repo.sha, "private": False, "tags": []}
    return {**about, "gated": "manual" if repo.gated else False, "siblings": siblings}


def _paths(body: bytes) -> list[str]:
    """Return the paths that are asked for: the client sends a form, or JSON."""
    try:
        return list(json.loads(body)["paths"])
    except ValueError:
        return parse_qs(body.decode())["paths"]


def _tree(repo: Repo, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    entries: dict[str, dict[str, Any]] = {}
    for name, size in repo.sizes.items():
        if not name.startswith(prefix):
            continue
        parts = name.removeprefix(prefix).split("/")
        for depth in range(1, len(parts)):
            path = prefix + "/".join(parts[:depth])
            entries[path] = {"type": "directory", "path": path, "size": 0, "oid": "0" * 40}
        entries[name] = {"type": "file", "path": name, "size": size, "oid": "0" * 40}
    return [e for p, e in entries.items() if recursive or "/" not in p.removeprefix(prefix)]


def _send_file(request: BaseHTTPRequestHandler, repo: Repo, name: str) -> None:
    if name not in repo.files:
        _refuse(request, 404, "EntryNotFound")
        return
    data = repo.files[name]
    etag = hashlib.sha1(data).hexdigest()
    headers = {"ETag": f'"{etag}"', "X-Repo-Commit": repo.sha, "Accept-Ranges": "bytes"}
    status, total = 200, len(data)
    if (asked := re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))) and total:
        first, last = int(asked[1]), min(int(asked[2] or total - 1), total - 1)
        data, status = data[first : last + 1], 206
        headers["Content-Range"] = f"bytes {first}-{last}/{total}"
    _reply(request, status, data, headers)


def _send(request: BaseHTTPRequestHandler, value: Any) -> None:
    _reply(request, 200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _refuse(request: BaseHTTPRequestHandler, status: int, code: str) -> None:
    _reply(request, status, b"{}", {"X-Error-Code": code, "X-Error-Message": code, "Content-Type": "application/json"})


def _reply(request: BaseHTTPRequestHandler, status: int, data: bytes, headers: Mapping[str, str]) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(data)
