"""A small in-process service in as many variants as a test needs: an arm under check without a database."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "notes", "version": "1"},
    "paths": {
        "/notes": {
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}
                }
            },
            "get": {},
        },
        "/notes/{note_id}": {
            "parameters": [
                {"name": "note_id", "in": "path", "required": True, "schema": {"type": "integer"}}
            ],
            "get": {},
            "delete": {},
        },
    },
    "components": {
        "schemas": {"Note": {"type": "object", "properties": {"text": {"type": "string", "maxLength": 5}}}}
    },
}


@dataclass
class Notes:
    """The arm's data and its statements; subclasses are the variants that differ on purpose."""

    first_id: int = 1
    title: str = "notes"
    rows: dict[int, Any] = field(default_factory=dict)
    next_id: int = 1
    statements: dict[str, int] = field(default_factory=lambda: {"select": 0, "insert": 0})

    def reset(self) -> None:
        self.rows, self.next_id = {}, self.first_id

    def admits(self, path: str, headers: Mapping[str, str]) -> bool:
        return True

    def cookie(self, path: str) -> str | None:
        return None

    def count(self, kind: str) -> None:
        self.statements[kind] += 1

    def document(self) -> Any:
        return {**DOCUMENT, "info": {"title": self.title, "version": "1"}}

    def create(self, text: Any) -> tuple[int, Any]:
        self.count("insert")
        number, self.next_id = self.next_id, self.next_id + 1
        self.rows[number] = text
        return 201, {"id": number, "text": text}

    def read(self, number: int) -> tuple[int, Any]:
        self.count("select")
        found = number in self.rows
        return (
            (200, {"id": number, "text": self.rows[number]}) if found else (404, {"detail": "no such note"})
        )

    def delete(self, number: int) -> tuple[int, Any]:
        self.count("select")
        if self.rows.pop(number, None) is None:
            return 404, {"detail": "no such note"}
        return 200, None

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if path == "/openapi.json":
            return 200, self.document()
        if path == "/notes":
            return self.create(_text(body)) if method == "POST" else (200, sorted(self.rows))
        if parts[0] != "notes" or not parts[-1].isdecimal() or not parts[-1].isascii():
            return 422, {"detail": "no number"}
        return self.delete(int(parts[-1])) if method == "DELETE" else self.read(int(parts[-1]))


def _text(body: bytes) -> Any:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value.get("text") if isinstance(value, dict) else None


@contextmanager
def serving(notes: Notes) -> Iterator[str]:
    """The service at an address of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else each answer waits for a delayed acknowledgement

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if notes.admits(self.path, self.headers):
                status, value = notes.answer(self.command, self.path, body)
            else:
                status, value = 401, {"detail": "who are you?"}
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            if cookie := notes.cookie(self.path):
                self.send_header("set-cookie", cookie)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            pass

    notes.reset()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
