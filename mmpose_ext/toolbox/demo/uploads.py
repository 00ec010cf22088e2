"""The files that a request to the demo may name: uploads, and nothing else on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmpose_ext.toolbox.demo.limits import is_upload

__all__ = ["UploadedFilesOnly"]


class UploadedFilesOnly:
    """ASGI middleware that refuses requests that name another file than an upload (403), or are no JSON (400).

    Gradio checks some of the files that it is sent, copies others to the upload folder, and downloads those that are
    URLs. So this looks for them first, and wherever they stand: a file is an object with the key ``path``.

    Args:
        app: The application.
        uploads: The upload folder.
    """

    def __init__(self, app: ASGIApp, *, uploads: Path) -> None:
        self.app, self.uploads = app, uploads.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http" or is_upload(scope):
            await self.app(scope, receive, send)
            return
        try:
            body = await Request(scope, receive).body()
            allowed = all(self._is_upload(path) for path in _paths(json.loads(body or b"null")))
        except (ClientDisconnect, ValueError, RecursionError):
            await PlainTextResponse("Expected JSON.", 400)(scope, receive, send)
            return
        if allowed:
            await self.app(scope, _replay(body, receive), send)
        else:
            await PlainTextResponse("Expected uploaded files only.", 403)(scope, receive, send)

    def _is_upload(self, path: Any) -> bool:
        return isinstance(path, str) and Path(path).resolve().is_relative_to(self.uploads)


def _paths(value: Any) -> Iterator[Any]:
    """Every value of a key ``path``."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if "path" in one:
                yield one["path"]
            todo += one.values()
        elif isinstance(one, list):
            todo += one


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as the first message, then what follows."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_replayed() -> Message:
        return messages.pop() if messages else await receive()

    return receive_replayed
