"""Limits what visitors may send to the demo: the size of each request, of all uploads, and the endpoints."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MAX_UPLOAD", "RequestLimits", "is_upload"]

MAX_UPLOAD = 2_000_000_000
"""Largest upload in bytes: checkpoints with the state of an optimizer are large."""
MAX_UPLOADS = 4 * MAX_UPLOAD
"""Size of all uploads in bytes from which on no more is accepted."""
MAX_BODY = 1_000_000
"""Largest body in bytes of every other request."""
_UNUSED = re.compile(
    r"/gradio_api/(proxy=|file=\s*https?:|file/|stream/|run/|api/|call/|component_server|process_recording|vibe)", re.I
)
"""Endpoints of Gradio that the page does not need: they fetch other addresses, bypass the queue or convert videos."""


class RequestLimits:
    """ASGI middleware that refuses too large bodies (status 413) and endpoints that the page does not use (404).

    Args:
        app: The application.
        uploads: The upload folder.
        max_upload: Largest upload in bytes.
        max_uploads: Size of the folder in bytes from which on uploads are refused.
    """

    def __init__(
        self, app: ASGIApp, *, uploads: Path, max_upload: int = MAX_UPLOAD, max_uploads: int = MAX_UPLOADS
    ) -> None:
        self.app, self.uploads, self.max_upload, self.max_uploads = app, uploads, max_upload, max_uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.max_upload + MAX_BODY if is_upload(scope) else MAX_BODY
        declared = Headers(scope=scope).get("content-length", "0")
        if _UNUSED.match(scope["path"]):
            await PlainTextResponse("Not found.", 404)(scope, receive, send)
        elif not declared.isdecimal() or int(declared) > limit:
            await PlainTextResponse(f"Expected at most {limit} bytes.", 413)(scope, receive, send)
        elif is_upload(scope) and _size(self.uploads) > self.max_uploads:
            await PlainTextResponse("The upload folder is full; try again in an hour.", 413)(scope, receive, send)
        else:
            await self.app(scope, _limited(receive, limit), send)


def is_upload(scope: Scope) -> bool:
    """Whether a request uploads a file.

    Args:
        scope: The request.
    """
    return scope["path"].rstrip("/") == "/gradio_api/upload"


def _limited(receive: Receive, limit: int) -> Receive:
    """The same messages, with a disconnect in place of what goes beyond the limit (a body may declare no length)."""
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return message if received <= limit else {"type": "http.disconnect"}

    return receive_limited


def _size(folder: Path) -> int:
    """Size of all files below a folder in bytes."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # moved in the meantime
            continue
    return total
