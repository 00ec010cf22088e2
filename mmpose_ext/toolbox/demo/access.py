"""Decides who may talk to the demo, before Gradio sees the request.

The server listens on an address that other programs on the machine can reach, and so can every page that the user's
browser has open. Three checks stand between them and the demo:

* the ``Host`` header names this server; a page that rebinds its DNS name to 127.0.0.1 still sends its own name;
* the ``Origin`` header, which a browser adds to requests of scripts and forms, is the demo's own page;
* a token, which only the printed address holds. The first visit exchanges it for a cookie, as Jupyter does.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

__all__ = ["CONTENT_SECURITY_POLICY", "LOOPBACK_NAMES", "AccessControl", "SecurityHeaders", "root_path"]

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
CONTENT_SECURITY_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
)
"""What a browser may load: from this server only, whatever Gradio's own files name."""
_UNTRUSTED = (b"x-forwarded-", b"forwarded", b"x-gradio-server")
"""Headers from which Gradio would take the address of the page. Anybody can send them, so they are dropped."""


def root_path(address: str) -> str:
    """The path of an address without a slash at its end.

    Args:
        address: A URL, or an empty string.
    """
    return urlsplit(address).path.rstrip("/")


class AccessControl:
    """ASGI middleware that refuses requests from elsewhere (status 403) and without the token (status 401).

    Args:
        app: The application.
        token: The secret. ``GET /?token=...`` sets the cookie and redirects to the page.
        cookie: Name of the cookie. Browsers send a cookie to every port of a host, so each demo needs its own name.
        host: The address that the server is bound to, which is an allowed host beside the loopback names. On
            ``0.0.0.0`` and ``::`` every numeric address is allowed too: it can't be rebound.
        public_address: URL of the page at a reverse proxy, which removes the path of this URL from its requests.
    """

    def __init__(
        self, app: ASGIApp, *, token: str, cookie: str, host: str = "127.0.0.1", public_address: str = ""
    ) -> None:
        self.app, self.token, self.cookie, self.public_address = app, token, cookie, public_address
        public_host = urlsplit(public_address).hostname
        self.hosts = LOOPBACK_NAMES | {host.strip("[]").lower()} | ({public_host} if public_host else set())
        self.any_numeric = host.strip("[]") in {"0.0.0.0", "::"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await WebSocketClose()(scope, receive, send)  # Gradio has no such connection
        elif (response := self._respond(Request(scope))) is not None:
            await response(scope, receive, send)
        else:
            headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(_UNTRUSTED)]
            await self.app({**scope, "headers": headers}, receive, send)

    def _respond(self, request: Request) -> Response | None:
        """The response to a request that does not reach the application; None for one that does."""
        if not self._is_allowed_host(request.headers):
            return PlainTextResponse("This host name is not allowed; see --public-address.", 403)
        if not self._is_own_origin(request.headers):
            return PlainTextResponse("Requests from other sites are not allowed.", 403)
        if request.method == "GET" and request.url.path == "/" and self._is_token(request.query_params.get("token")):
            return self._let_in()
        if self._is_token(request.cookies.get(self.cookie)):
            return None
        return PlainTextResponse(
            "Open the address that mmpose-ext demo printed when it started: it holds a token.", 401
        )

    def _is_allowed_host(self, headers: Headers) -> bool:
        values = headers.getlist("host")
        if len(values) != 1:
            return False
        try:
            name = urlsplit(f"//{values[0]}").hostname or ""
        except ValueError:
            return False
        return name in self.hosts or (self.any_numeric and _is_numeric(name))

    def _is_own_origin(self, headers: Headers) -> bool:
        """Whether the request is of no script, or of a page that this server has served."""
        values = headers.getlist("origin")
        if not values:
            return True
        own = {f"{scheme}://{headers['host']}".lower() for scheme in ("http", "https")}
        if self.public_address:
            own.add(_origin(self.public_address))
        return len(values) == 1 and values[0].lower() in own

    def _is_token(self, value: str | None) -> bool:
        return value is not None and hmac.compare_digest(value.encode(), self.token.encode())

    def _let_in(self) -> Response:
        """Set the cookie, and redirect so that the token leaves the address bar."""
        path = root_path(self.public_address)
        response = RedirectResponse(f"{path}/", 303)
        secure = self.public_address.startswith("https:")
        response.set_cookie(self.cookie, self.token, path=path or "/", httponly=True, samesite="lax", secure=secure)
        return response


class SecurityHeaders:
    """ASGI middleware that tells browsers to load nothing from elsewhere, and to tell nobody else where they are.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add the headers to the response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [
                    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
                    (b"referrer-policy", b"same-origin"),
                ]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _is_numeric(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _origin(address: str) -> str:
    """What a browser sends as ``Origin`` from an address: no path, and no port that the scheme implies."""
    parts = urlsplit(address)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port in (None, default) else f":{parts.port}")
