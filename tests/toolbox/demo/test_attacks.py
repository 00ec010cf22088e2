"""Attacks on a running demo, by plain HTTP: each worked before the server had its checks.

The attacker is a program on the machine, a page of another site in the user's browser, one that rebinds its DNS name,
or a visitor who has the token.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

pytest.importorskip("gradio", minversion="6", reason="needs the extra `demo`")

from mmpose_ext.toolbox.demo import serve

META = {"meta": {"_type": "gradio.FileData"}}


class Visitor:
    """A client that sends exactly the headers it is told to."""

    def __init__(self, address: str, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(address)
        self.host, self.query, self.headers = parts.netloc, parts.query, dict(headers or {})

    def enter(self) -> Visitor:
        """Exchange the token for a cookie."""
        status, _, headers = self.request("GET", f"/?{self.query}")
        assert status == 303
        self.headers["Cookie"] = headers["set-cookie"].partition(";")[0]
        return self

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()

    def upload(self, name: str, content: bytes) -> tuple[int, str]:
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--x--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        status, answer, _ = self.request("POST", "/gradio_api/upload", body, kind)
        return status, json.loads(answer)[0] if status == 200 else ""

    def run(self, *form: Any, inputs: int = 7) -> tuple[int, list]:
        """Press the button: image, model, checkpoint, its path, where, person, threshold -> the values of outputs."""
        status, config, _ = self.request("GET", "/config")
        if status != 200:
            return status, []
        listeners = [one for one in json.loads(config)["dependencies"] if len(one["inputs"]) == inputs]
        name = uuid.uuid4().hex
        body = json.dumps({"fn_index": listeners[0]["id"], "data": form, "session_hash": name})
        status, _, _ = self.request("POST", "/gradio_api/queue/join", body, {"Content-Type": "application/json"})
        if status != 200:
            return status, []
        _, stream, _ = self.request("GET", f"/gradio_api/queue/data?session_hash={name}")
        messages = [json.loads(line[5:]) for line in stream.decode().splitlines() if line.startswith("data:")]
        (done,) = [one for one in messages if one["msg"] == "process_completed"]
        return status, done["output"].get("data") or []


@pytest.fixture(scope="module")
def address(tiny) -> Iterator[str]:
    with serve(str(tiny.config), tiny.checkpoint) as url:
        yield url


@pytest.fixture
def program(tmp_path: Path) -> tuple[bytes, Path]:
    """A config that runs code, and the file that it leaves behind."""
    mark = tmp_path / "executed"
    return f"open({str(mark)!r}, 'w')\n".encode(), mark


def form(image: str, model: str, **file: Any) -> list:
    return [{"path": image, **file}, model, None, "", "whole", 1, 0.3]


def test_a_normal_visit(address: str, tiny) -> None:
    visitor = Visitor(address, {"Origin": f"http://{urlsplit(address).netloc}"}).enter()
    status, page, headers = visitor.request("GET", "/")
    assert status == 200 and b"gradio" in page and "frame-ancestors" in headers["content-security-policy"]
    assert b"fonts.googleapis.com" not in page
    _, image = visitor.upload("me.jpg", tiny.image.read_bytes())
    _, (text, overlay, panels, *_) = visitor.run(*form(image, str(tiny.config), orig_name="me.jpg", **META))
    assert "tiny, tiny.pth: 1 person in" in text and "<figure" in panels
    status, content, _ = visitor.request("GET", f"/gradio_api/file={overlay['path']}")
    assert status == 200 and cv2.imdecode(np.frombuffer(content, np.uint8), 1).shape[:2] == (64, 64)
    _, (example,) = visitor.run(inputs=0)
    _, (text, *_) = visitor.run(*form(example["path"], str(tiny.config), **META))
    assert "1 person in" in text


@pytest.mark.parametrize("path", ["docs", "openapi.json", "gradio_api/file=/etc/passwd"])
def test_what_is_not_served(address: str, path: str) -> None:
    assert Visitor(address).enter().request("GET", f"/{path}")[0] in (403, 404)


@pytest.mark.parametrize("attacker", ["program", "other site", "rebound name", "other port"])
def test_outsiders_run_no_code(address: str, tiny, program: tuple[bytes, Path], tmp_path: Path, attacker: str) -> None:
    """A config on this machine or one just uploaded, named by somebody who does not know the token.

    An old browser sends the cookie with requests of other sites too, so these attackers have it here.
    """
    host = urlsplit(address).netloc
    headers = {
        "program": {},
        "other site": {"Origin": "http://evil.example"},
        "rebound name": {"Host": "evil.example:7860", "Origin": "http://evil.example:7860"},
        "other port": {"Origin": "http://127.0.0.1:9999"},
    }[attacker]
    cookie = {} if attacker == "program" else {"Cookie": Visitor(address).enter().headers["Cookie"]}
    visitor = Visitor(f"http://{host}/", {**headers, **cookie})
    expected = 401 if attacker == "program" else 403
    content, mark = program
    (tmp_path / "evil.py").write_bytes(content)
    assert visitor.upload("evil.py", content) == (expected, "")
    assert visitor.run(*form(str(tiny.image), str(tmp_path / "evil.py"), **META)) == (expected, [])
    body = json.dumps({"fn_index": 0, "data": form(str(tiny.image), str(tmp_path / "evil.py")), "session_hash": "a"})
    for path in ("queue/join", "run/predict", "call/predict", "queue/data?session_hash=a", "file=/etc/passwd", "info"):
        assert visitor.request("POST", f"/gradio_api/{path}", body)[0] == expected
        assert visitor.request("GET", f"/gradio_api/{path}")[0] == expected
    assert not mark.exists()


def test_a_visitor_runs_no_code(address: str, tiny, program: tuple[bytes, Path], tmp_path: Path) -> None:
    content, mark = program
    (tmp_path / "evil.py").write_bytes(content)
    visitor = Visitor(address).enter()
    _, image = visitor.upload("me.jpg", tiny.image.read_bytes())
    _, uploaded = visitor.upload("evil.py", content)
    for model in (uploaded, str(tmp_path / "evil.py"), f"{uploaded}:main", "os:getcwd"):
        _, (text, *_) = visitor.run(*form(image, model, **META))
        assert "Expected one of the listed models" in text
    assert not mark.exists()


@pytest.mark.parametrize("file", [{}, META, {"meta": {}}], ids=["no meta", "meta", "empty meta"])
def test_a_visitor_sees_no_file_of_the_machine(address: str, tiny, file: dict) -> None:
    """A file without `meta` passes Gradio's own check."""
    visitor = Visitor(address).enter()
    _, image = visitor.upload("me.jpg", tiny.image.read_bytes())
    for path in (str(tiny.image), f"{image}/../../../../..{tiny.image}", "http://127.0.0.1/a.jpg"):
        for field in (0, 1, 2, 3, 4):
            values = form(image, str(tiny.config), **META)
            values[field] = {"path": path, **file}
            assert visitor.run(*values) == (403, [])


def test_gradio_checks_files_too(address: str, tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without our look at the request, what is behind it holds."""
    monkeypatch.setattr("mmpose_ext.toolbox.demo.uploads.UploadedFilesOnly._is_upload", lambda self, path: True)
    visitor = Visitor(address).enter()
    for file in ({}, META):
        _, output = visitor.run(*form(str(tiny.image), str(tiny.config), **file))
        assert not output or ("is not one: upload it again" in output[0] and output[1] is None)
    uploads = Path(os.environ["GRADIO_TEMP_DIR"])
    assert not [*uploads.rglob(tiny.image.name)], "Gradio copied the file"


def test_the_page_behind_a_reverse_proxy(tiny) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serve(str(tiny.config), tiny.checkpoint, port=port, public_address="https://lab.example/pose/") as url:
        assert url.startswith("https://lab.example/pose/?token=")
        headers = {"Host": "lab.example", "Origin": "https://lab.example"}
        visitor = Visitor(f"http://127.0.0.1:{port}/?{urlsplit(url).query}", headers).enter()
        forged = {"X-Forwarded-Host": "evil.example", "X-Gradio-Server": "http://evil.example"}
        for more in ({}, forged):
            config = json.loads(visitor.request("GET", "/config", headers=more)[1])
            assert config["root"] == "https://lab.example/pose"
        with pytest.raises(OSError, match=f"can't listen on 127.0.0.1, port {port}: "), serve(port=port):
            pass


def test_a_shared_demo_is_visited_by_its_public_name(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradio import networking, tunneling

    killed, ports = [], []

    def open_tunnel(host: str, port: int, *_: Any) -> str:
        ports.append(port)
        return "http://abc.gradio.live"

    monkeypatch.setattr(networking, "setup_tunnel", open_tunnel)
    monkeypatch.setattr(tunneling, "CURRENT_TUNNELS", [SimpleNamespace(kill=lambda: killed.append(True))])
    with serve(str(tiny.config), tiny.checkpoint, share=True) as url:
        assert url.startswith("https://abc.gradio.live/?token=") and not killed
        headers = {"Host": "abc.gradio.live", "Origin": "https://abc.gradio.live"}
        visitor = Visitor(f"http://127.0.0.1:{ports[0]}/?{urlsplit(url).query}", headers).enter()
        assert visitor.request("POST", "/gradio_api/reset", b"{}")[0] not in (401, 403)
    assert killed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_nothing_behind(tiny, tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-m", "mmpose_ext.toolbox.cli", "demo", "--model", str(tiny.config)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None and server.stderr is not None
        visitor = Visitor(server.stdout.readline().strip()).enter()
        visitor.upload("me.jpg", tiny.image.read_bytes())
        assert [*tmp_path.glob("mmpose-ext-demo-*/uploads/*/me.jpg")]
        heartbeat = http.client.HTTPConnection(visitor.host, timeout=60)
        heartbeat.request("GET", "/gradio_api/heartbeat/a", headers=visitor.headers)  # as an open page holds it
        heartbeat.getresponse().read(8)
        server.send_signal(getattr(signal, name))
        assert server.wait(timeout=60) == 0
        assert server.stderr.read() == ""
    assert [*tmp_path.glob("mmpose-ext-demo-*")] == []
