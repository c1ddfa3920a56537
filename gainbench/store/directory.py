"""Writing a run directory: a fresh folder per run, lines appended durably, other files replaced whole.

What was written before a full disk or a kill stays readable. The files that the verdict rests on have their
checksum in the record. Knows nothing of what the lines mean.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import BinaryIO

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.plain import plain
from gainbench.store.lines import FileSum, Header, Purpose, checksum, encode
from gainbench.store.records import Line

RECORD = "blocks.jsonl"
PLAN = "plan.toml"
ENVIRONMENT = "environment.json"
RESULTS = "results.json"
VOUCHED_FOR = (PLAN, ENVIRONMENT)  # the record holds their checksums
LATEST = "latest"
CLOSED_FOLDER = 0o700  # plans hold passwords, and arms write what they like into their logs

_FREE_SPACE = "free some space; what was measured so far is kept, and `gainbench report` reads it"
_ELSEWHERE = "choose a folder you can write to with --out DIR"
_COPY = "make it writable, or copy the whole run to a folder you can write to and name the copy"
_READ_BACK = 64 * 1024  # a block's line is about as long
_CURES = {errno.ENOSPC: _FREE_SPACE, errno.EDQUOT: _FREE_SPACE, errno.EFBIG: _FREE_SPACE}


@dataclass(frozen=True)
class RunDirectory:
    """A run's folder, open for writing."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @classmethod
    def create(
        cls,
        out: Path,
        name: str,
        *,
        now: datetime,
        purpose: Purpose = "bench",
        baseline_run: Path | None = None,
    ) -> "RunDirectory":
        """Make ``<out>/<UTC time>-<name>``, begin its record, and point ``<out>/latest`` at it."""
        stamped = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{name}"
        directory = cls._begin(out, stamped, now, purpose, baseline_run)
        with _explained(out / LATEST, _ELSEWHERE):
            _point_latest(out, directory.path.name)
        return directory

    @classmethod
    def create_part(cls, folder: Path, name: str, *, now: datetime) -> "RunDirectory":
        """Make ``<folder>/<name>`` for a run that is a part of another one, and begin its record."""
        return cls._begin(folder, name, now, "bench")

    @classmethod
    def _begin(
        cls, out: Path, name: str, now: datetime, purpose: Purpose, baseline_run: Path | None = None
    ) -> "RunDirectory":
        with _explained(out, _ELSEWHERE):
            out.mkdir(parents=True, exist_ok=True)
            directory = cls(_new_folder(out, name))
            directory.logs.mkdir(mode=CLOSED_FOLDER)
        header = Header(
            id=directory.path.name,
            started=f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            gainbench=version("gainbench"),
            purpose=purpose,
            baseline_run=None if baseline_run is None else str(baseline_run),
        )
        directory._append(header)
        return directory

    @classmethod
    def reopen(cls, path: Path) -> "RunDirectory":
        """Open an existing run to append to it; a last line that was cut off is removed first."""
        directory = cls(path.resolve())
        record = directory.path / RECORD
        if directory.logs.is_symlink():
            raise ConfigurationError(
                f"{directory.logs} is a link, and logs would be written elsewhere", cure="remove it"
            )
        with _explained(record):
            content = record.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                os.truncate(record, len(whole))
        return directory

    def append(self, line: Line) -> None:
        """Add one line to the record: all of it or nothing, and on the disk before this returns."""
        self._append(line)

    def _append(self, line: Line | FileSum | Header) -> None:
        path = self.path / RECORD
        # Unbuffered: a buffer would write the rest of a failed line again when the file is closed.
        with _explained(path), open(path, "a+b", buffering=0, opener=_open_no_link) as record:
            length_before = record.tell()
            rest = memoryview(encode(line, after=_last_checksum(record)))
            try:
                while rest:
                    rest = rest[record.write(rest) :]
                os.fsync(record.fileno())
            except OSError:
                os.truncate(path, length_before)
                raise

    def write_text(self, name: str, text: str) -> None:
        """Write a file whole: a reader sees the old content or the new, never half of it.

        The record is told between writing and replacing: whichever fails, what is there can be read.
        """
        target = self.path / name
        content = plain(text).encode(errors="replace")
        with _explained(target):
            # A name that nobody can have put a link at, readable for its owner alone.
            descriptor, path = tempfile.mkstemp(prefix=f".{name}-", suffix=".partial", dir=self.path)
            temporary = Path(path)
            try:
                with open(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                if name in VOUCHED_FOR:
                    self._append(FileSum.of(name, content))
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)


def _new_folder(out: Path, name: str) -> Path:
    for attempt in count(1):
        folder = out / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.mkdir(mode=CLOSED_FOLDER)
        except FileExistsError:
            continue
        return folder.resolve()
    raise AssertionError("unreachable: count() does not end")


def _open_no_link(path: str, flags: int) -> int:
    """A link in the place of the record would have us write elsewhere."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _point_latest(out: Path, name: str) -> None:
    temporary = out / f".{LATEST}-{name}"
    temporary.symlink_to(name)
    try:
        temporary.replace(out / LATEST)
    finally:
        temporary.unlink(missing_ok=True)


def _last_checksum(record: BinaryIO) -> int:
    """The checksum of the last line, read from the end; 0 before the first line."""
    at = record.seek(0, os.SEEK_END)
    tail = b""
    while at and b"\n" not in tail[:-1]:
        start = max(0, at - _READ_BACK)
        record.seek(start)
        tail = record.read(at - start) + tail
        at = start
    last = tail[tail.rfind(b"\n", 0, -1) + 1 :]
    return checksum(last) if last else 0


@contextmanager
def _explained(path: Path, otherwise: str = _COPY) -> Iterator[None]:
    """Say what could not be written, and the cure; `otherwise` is that of anything but a full disk."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        cure = _CURES.get(error.errno or 0, otherwise)
        raise EnvironmentLacking(f"cannot write {path}: {reason}", cure=cure) from error
