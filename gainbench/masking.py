"""What is secret, and how it is kept out of texts, files and the environments of others.

A run is made to be sent on. In doubt this hides too much: what a reader misses, the sender can tell. A secret
is told by the name it is given to, by its place in a URL, or by having been met: whoever comes to know a
password lets this module `remember` it, and from then on it is hidden wherever it appears.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

HIDDEN = "***"
NO_SECRETS = frozenset({"THREAD_TOKENS"})  # a setting of ours that is named like one
OWN_VARIABLES = ("GAINBENCH_SECRET", "GAINBENCH_DB_URL")  # for this program alone
SHORTEST = 5  # shorter ones would be found in everything

_SECRET = "PASS|PWD|AUTH|SECRET|TOKEN|KEY|CREDENTIAL"
_SECRET_NAME = re.compile(_SECRET, re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"([\w-]*(?:{_SECRET})[\w-]*)=(\S+)", re.IGNORECASE)
_SCHEME = re.compile(r"\b(Bearer|Basic)\s+(\S{8,})")
_FLAG = re.compile(r"--[A-Za-z]")
_PLACEHOLDER = re.compile(r"\{\w+\}")
# scheme://user:password@host. The password ends at the last @ before the path; failing that, at the next @
# anywhere, since SQLAlchemy reads passwords with a slash in them. What looks like a port is no password.
_USER = r"://[^\s:/?#]*:"
_PORT = r"(?:\d+|\{\w+\})[/?#]"
_USERINFO = re.compile(rf"({_USER})([^\s/?#]*(?=@)|(?!{_PORT})[^\s@]*(?=@))")

_known: set[str] = set()


def remember(secret: str) -> None:
    """Hide this from now on, as it is and as it stands in a URL."""
    if len(secret) >= SHORTEST and not _PLACEHOLDER.fullmatch(secret):
        _known.update({secret, quote(secret, safe="")})


def remember_named(table: Mapping[str, str]) -> None:
    """The values of those names that tell of a secret, and the passwords of URLs among the others."""
    for name, value in table.items():
        if is_secret(name):
            remember(value)
            remember(_SCHEME.sub(r"\2", value))  # as it is sent without its scheme
        for match in _USERINFO.finditer(value):
            remember(match[2])


def remember_words(words: Sequence[str]) -> None:
    """The values of those flags whose names tell of a secret, after them or after an equals sign."""
    for before, word in zip(["", *words], words, strict=False):
        flag, equals, value = word.partition("=")
        if equals and is_secret(flag):
            remember(value)
        elif _is_value_of(before, word):
            remember(word)


def is_secret(name: str) -> bool:
    """Whether a variable or a flag of that name holds one."""
    return _SECRET_NAME.search(name) is not None and name not in NO_SECRETS


def mask_text(text: str) -> str:
    """Hide what was met before, passwords of URLs, and values of assignments to names that tell of one."""
    for secret in _longest_first():
        text = text.replace(secret, HIDDEN)
    text = _USERINFO.sub(lambda match: match[1] + _hidden(match[2]), text)
    text = _SCHEME.sub(lambda match: f"{match[1]} {_hidden(match[2])}", text)
    return _ASSIGNMENT.sub(lambda match: f"{match[1]}={_mask_named(match[1], match[2])}", text)


def mask_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Texts that were counted, such as messages of errors; what becomes alike is counted together."""
    masked: dict[str, int] = {}
    for text, count in counts.items():
        masked[mask_text(text)] = masked.get(mask_text(text), 0) + count
    return masked


def mask_words(words: Sequence[str]) -> list[str]:
    """A command's words; ``--password x`` is hidden like ``--password=x``."""
    pairs = zip(["", *words], words, strict=False)
    return [_hidden(word) if _is_value_of(before, word) else mask_text(word) for before, word in pairs]


def mask_environment(table: Mapping[str, str]) -> dict[str, str]:
    return {key: _mask_named(key, mask_text(value)) for key, value in table.items()}


def mask_files(files: Iterable[Path]) -> None:
    """Take out of files that nobody writes to any more what was met before."""
    secrets = [secret.encode() for secret in _longest_first()]
    for file in files:
        if file.is_symlink() or not file.is_file():
            continue
        content = masked = file.read_bytes()
        for secret in secrets:
            masked = masked.replace(secret, HIDDEN.encode())
        if masked != content:
            with suppress(OSError):  # of a full disk: the folder is closed to others all the same
                file.write_bytes(masked)


def inheritable() -> dict[str, str]:
    """Our environment as others may have it."""
    return {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}


def _longest_first() -> list[str]:
    """One may be a part of another."""
    return sorted(_known, key=len, reverse=True)


def _is_value_of(before: str, word: str) -> bool:
    is_flag = before.startswith("--") and "=" not in before and not _FLAG.match(word)
    return is_flag and is_secret(before)


def _mask_named(name: str, value: str) -> str:
    return _hidden(value) if is_secret(name) else value


def _hidden(value: str) -> str:
    """A placeholder stays: it is filled only when an arm starts, and tells nothing."""
    return value if _PLACEHOLDER.fullmatch(value) else HIDDEN
