"""A model hub on this computer: the two addresses that downloads need, with Range, and with faults on demand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

VERSION = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


@dataclass
class Hub:
    """files: by name, of the one model "owner/fine". breaks_at: bytes of one answer after which the line breaks, once.

    lies: names whose bytes differ from the listed checksum. ranges: what was asked for, in order.
    """

    files: Mapping[str, bytes]
    url: str = ""
    breaks_at: int = 0
    lies: frozenset[str] = frozenset()
    ranges: list[str] = field(default_factory=list)

    def listing(self) -> dict[str, Any]:
        siblings = [
            {
                "rfilename": name,
                "size": len(content),
                "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
                **({"lfs": _lfs(content)} if name.endswith((".safetensors", ".bin")) else {}),
            }
            for name, content in self.files.items()
        ]
        return {"id": "owner/fine", "sha": VERSION, "tags": ["lora"], "siblings": siblings}


def _lfs(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}


@contextmanager
def hub_of(files: Mapping[str, bytes]) -> Iterator[Hub]:
    hub = Hub(files)

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/api/models/owner/fine":
                self.tell(200, json.dumps(hub.listing()).encode())
                return
            name = path.removeprefix(f"/owner/fine/resolve/{VERSION}/")
            if name not in hub.files:
                self.tell(404, b"{}")
                return
            content = hub.files[name]
            if name in hub.lies:
                content = bytes(len(content))
            self.send_part(content)

        def send_part(self, content: bytes) -> None:
            wanted = self.headers.get("Range", "")
            hub.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            self.tell(206 if start else 200, content[start:], hub.breaks_at)

        def tell(self, status: int, content: bytes, breaks_at: int = 0) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if breaks_at:
                hub.breaks_at = 0
                self.wfile.write(content[:breaks_at])
                self.close_connection = True
            else:
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
