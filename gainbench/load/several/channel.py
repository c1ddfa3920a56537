"""How a master and a worker come to trust each other, and how their messages stay untouched on the way.

Both prove that they know the shared secret without sending it: a worker runs the Python file that its master
sends, and a master believes what its workers count. From then on every message carries a code that only the
two could have made, over its text and its place in the sequence. Nothing is encrypted. Knows how Locust packs
a message, but neither Locust nor what the messages say.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgpack  # type: ignore[import-untyped]
from pydantic import Field, TypeAdapter

from gainbench.errors import ConfigurationError
from gainbench.masking import remember

NONCE_BYTES = 16


class Forged(Exception):
    """A message that the other side has not sent, or not at this place."""


class Packet(NamedTuple):
    """What has arrived: who brought it, and what it says, whoever that is."""

    bearer: str
    kind: str
    data: Any
    sender: str


def read_packet(frames: Sequence[bytes]) -> Packet | None:
    """None for what is no message: whoever reaches the port can send anything.

    Locust's own way of reading lets some of it raise, and makes objects of the rest.
    """
    try:
        bearer, body = frames
        kind, data, sender = msgpack.loads(body, raw=False, strict_map_key=False)
        packet = Packet(bearer.decode(), kind, data, sender)
    except (ValueError, TypeError):
        return None
    return packet if isinstance(kind, str) and isinstance(sender, str) else None


@dataclass(frozen=True)
class Versions:
    """What both sides must have in common to count alike."""

    gainbench: str
    locust: str

    def __str__(self) -> str:
        return f"gainbench {self.gainbench} with Locust {self.locust}"


@dataclass(frozen=True)
class Hello:
    """A worker's first word."""

    versions: Versions
    nonce: str
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True)
class Challenge:
    """The master proves itself and asks for the same."""

    nonce: str
    proof: str
    kind: Literal["challenge"] = "challenge"


@dataclass(frozen=True)
class Response:
    proof: str
    kind: Literal["response"] = "response"


@dataclass(frozen=True)
class Welcome:
    kind: Literal["welcome"] = "welcome"


@dataclass(frozen=True)
class Refusal:
    message: str
    kind: Literal["refusal"] = "refusal"


Greeting = Hello | Challenge | Response | Welcome | Refusal
_GREETING: TypeAdapter[Greeting] = TypeAdapter(Annotated[Greeting, Field(discriminator="kind")])


def encode_greeting(greeting: Greeting) -> bytes:
    return _GREETING.dump_json(greeting)


def decode_greeting(text: bytes) -> Greeting:
    return _GREETING.validate_json(text)


def new_nonce() -> str:
    return secrets.token_hex(NONCE_BYTES)


@dataclass(frozen=True)
class Handshake:
    """One meeting: the secret, who the worker says it is, and a number from each side that is used once."""

    secret: str
    worker: str
    worker_nonce: str
    master_nonce: str

    def proof(self, role: Literal["master", "worker"]) -> str:
        return self._code(role).hex()

    def is_proven(self, role: Literal["master", "worker"], proof: str) -> bool:
        return hmac.compare_digest(self.proof(role).encode(), proof.encode())

    def master_seal(self) -> "Seal":
        return Seal(self._code("session"), "to worker", "to master")

    def worker_seal(self) -> "Seal":
        return Seal(self._code("session"), "to master", "to worker")

    def _code(self, purpose: str) -> bytes:
        parts = (purpose, self.worker, self.worker_nonce, self.master_nonce)
        return hmac.digest(self.secret.encode(), "\n".join(parts).encode(), hashlib.sha256)


@dataclass
class Seal:
    """One side's end of a proven connection."""

    key: bytes = field(repr=False)
    outgoing: str
    incoming: str
    _sent: int = 0
    _opened: int = 0

    def close(self, body: bytes) -> dict[str, bytes]:
        self._sent += 1
        return {"body": body, "code": self._code(self.outgoing, self._sent, body)}

    def open(self, message: Any) -> bytes:
        if not isinstance(message, Mapping):
            raise Forged("a message without a code")
        body, code = message.get("body"), message.get("code")
        if not isinstance(body, bytes) or not isinstance(code, bytes):
            raise Forged("a message without a code")
        if not hmac.compare_digest(code, self._code(self.incoming, self._opened + 1, body)):
            raise Forged("a message whose code is wrong")
        self._opened += 1
        return body

    def _code(self, direction: str, number: int, body: bytes) -> bytes:
        return hmac.digest(self.key, f"{direction} {number}\n".encode() + body, hashlib.sha256)


@dataclass(frozen=True)
class Address:
    """Where a master listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigurationError(f"{text!r} is no address", cure="write HOST:PORT, e.g. 127.0.0.1:5557")
        return cls(host.strip("[]"), int(port))

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def require_secret(address: Address, secret: str | None) -> str:
    """Also on loopback, where any user of the machine may be the one who listens."""
    if secret:
        return secret
    raise ConfigurationError(
        f"the master at {address} and its workers need a shared secret",
        cure="put the same long random text on every machine: --secret-file FILE, or GAINBENCH_SECRET",
    )


def find_secret(path: Path | None, environment: Mapping[str, str]) -> str | None:
    """The file's text without the white space around it, or what the environment says."""
    if path is None:
        secret = environment.get("GAINBENCH_SECRET") or ""
        remember(secret)
        return secret or None
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"the secret cannot be read: {error}") from None
    if not secret:
        raise ConfigurationError(f"{path} holds no secret", cure="put a long random text into it")
    remember(secret)
    return secret
