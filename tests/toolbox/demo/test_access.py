"""Who gets past the middleware, without Gradio."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio", minversion="6", reason="needs the extra `demo`")

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from mmpose_ext.toolbox.demo.access import AccessControl, SecurityHeaders
from mmpose_ext.toolbox.demo.limits import MAX_BODY, RequestLimits
from mmpose_ext.toolbox.demo.uploads import UploadedFilesOnly

TOKEN = "t" * 43
HOST = "127.0.0.1:7860"


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse({"headers": [*request.headers], "length": len(await request.body())})


def client(**options) -> TestClient:
    app = Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST"])])
    guarded = SecurityHeaders(AccessControl(app, token=TOKEN, cookie="c", **options))
    return TestClient(guarded, base_url=f"http://{HOST}", follow_redirects=False)


def status(visitor: TestClient, method: str = "GET", path: str = "/config", **headers: str) -> int:
    return visitor.request(method, path, headers=headers).status_code


def test_the_first_visit_exchanges_the_token_for_a_cookie() -> None:
    visitor = client()
    assert [status(visitor, path=path) for path in ("/", "/config", f"/config?token={TOKEN}", "/?token=t")] == [401] * 4
    assert status(visitor, "POST", f"/?token={TOKEN}") == 401
    response = visitor.get(f"/?token={TOKEN}")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie and "secure" not in cookie
    assert [status(visitor, method, path) for method in ("GET", "POST") for path in ("/", "/any")] == [200] * 4
    assert "frame-ancestors 'self'" in visitor.get("/").headers["content-security-policy"]
    visitor.cookies.set("c", "other", domain="127.0.0.1")
    visitor.cookies = {"c": "other"}
    assert status(visitor) == 401


@pytest.mark.parametrize(
    ("host", "own", "expected"),
    [
        ("127.0.0.1:7860", "127.0.0.1", 200),
        ("localhost:9000", "127.0.0.1", 200),
        ("[::1]:7860", "127.0.0.1", 200),
        ("evil.example:7860", "127.0.0.1", 403),
        ("127.0.0.1.evil.example", "127.0.0.1", 403),
        ("localhost@evil.example", "127.0.0.1", 403),
        ("192.168.0.7:7860", "127.0.0.1", 403),
        ("192.168.0.7:7860", "192.168.0.7", 200),
        ("192.168.0.7:7860", "0.0.0.0", 200),
        ("[fe80::1]:7860", "::", 200),
        ("gpu-box:7860", "0.0.0.0", 403),
        ("[::1", "0.0.0.0", 403),
        ("", "0.0.0.0", 403),
    ],
)
def test_host(host: str, own: str, expected: int) -> None:
    visitor = client(host=own)
    visitor.cookies = {"c": TOKEN}
    assert status(visitor, Host=host) == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (f"http://{HOST}", 200),
        ("http://127.0.0.1:9999", 403),
        ("http://localhost:7860", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_origin(origin: str, expected: int) -> None:
    visitor = client()
    visitor.cookies = {"c": TOKEN}
    assert status(visitor, "POST", Origin=origin) == status(visitor, Origin=origin) == expected


def test_a_reverse_proxy() -> None:
    visitor = client(public_address="https://lab.example:443/pose")
    response = visitor.get(f"/?token={TOKEN}", headers={"Host": "lab.example"})
    assert response.headers["location"] == "/pose/"
    assert "path=/pose" in response.headers["set-cookie"].lower() and "secure" in response.headers["set-cookie"].lower()
    visitor.cookies = {"c": TOKEN}
    for host in ("lab.example", HOST):
        assert status(visitor, "POST", Host=host, Origin="https://lab.example") == 200
        assert status(visitor, "POST", Host=host, Origin="https://evil.example") == 403
    assert status(visitor, Host="evil.example", **{"X-Forwarded-Host": "lab.example"}) == 403


def test_headers_that_name_another_address_are_dropped() -> None:
    visitor = client()
    visitor.cookies = {"c": TOKEN}
    forged = ["X-Forwarded-Host", "x-forwarded-proto", "Forwarded", "X-Gradio-Server", "X-Other"]
    seen = visitor.get("/", headers=dict.fromkeys(forged, "evil.example")).json()["headers"]
    assert {name.lower() for name in forged} & {*seen} == {"x-other"}


def test_there_are_no_websockets() -> None:
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/"):
        pass


def test_limits(tmp_path: Path) -> None:
    app = Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST"])])
    limits = RequestLimits(app, uploads=tmp_path, max_upload=2 * MAX_BODY, max_uploads=100)
    visitor = TestClient(limits, raise_server_exceptions=False)
    upload = "/gradio_api/upload"
    assert visitor.post("/gradio_api/queue/join", content=b"x" * MAX_BODY).status_code == 200
    assert visitor.post("/gradio_api/queue/join", content=b"x" * (MAX_BODY + 1)).status_code == 413
    assert visitor.post(upload, content=b"x" * 2 * MAX_BODY).json()["length"] == 2 * MAX_BODY
    assert visitor.post(upload, content=b"x" * (3 * MAX_BODY + 1)).status_code == 413
    assert visitor.post(upload, content=b"x", headers={"Content-Length": "-1"}).status_code == 413
    pieces = (b"x" * MAX_BODY for _ in range(4))
    assert visitor.post(upload, content=pieces).status_code == 500, "a body without a declared length"
    (tmp_path / "large").write_bytes(b"x" * 200)
    assert visitor.post(upload, content=b"x").status_code == 413
    for path in (
        "file=https://evil.example/a",
        "proxy=https://a.hf.space",
        "process_recording",
        "call/predict",
        "run/x",
    ):
        assert visitor.post(f"/gradio_api/{path}").status_code == 404


def test_files_in_requests(tmp_path: Path) -> None:
    app = Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST"])])
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "link").symlink_to(tmp_path)
    visitor = TestClient(UploadedFilesOnly(app, uploads=uploads))
    allowed = [[], {"data": [{"path": f"{uploads}/a/b.jpg"}, "/etc/passwd"]}]
    for value in allowed:
        assert visitor.post("/", json=value).json()["length"] > 0
    for path in ("/etc/passwd", f"{uploads}/../a", f"{uploads}/link/a", f"{uploads}-2/a", "http://a/b", "", 3, None):
        for value in ({"path": path}, {"data": [[{"value": {"path": path}}]]}, [{"path": {"path": path}}]):
            assert visitor.post("/", json=value).status_code == 403
    for body in (b"path=/etc/passwd", b"[" * 100_000, b"\xff", b'{"path": "a\\u0000"}'):
        assert visitor.post("/", content=body).status_code == 400
    assert visitor.get("/").status_code == visitor.post("/gradio_api/upload", content=b"x").status_code == 200
