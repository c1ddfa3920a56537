"""Takes a password out of the command line, which everybody on the machine can read, before all else."""

import os
import re
import sys
from collections.abc import Sequence

FLAG = "--db-url"
BY_NAME = "env:"  # before the name of the variable that holds the URL
VARIABLE = "GAINBENCH_DB_URL"
_WITH_PASSWORD = re.compile(r"[^/]*://[^/?#]*:.*@")


def hide_database_url() -> None:
    """Where the command line holds a URL with a password, begin again with the URL in the environment."""
    words, url = without_password(sys.orig_argv)
    if url is not None:
        os.execve(sys.executable, [sys.executable, *words[1:]], os.environ | {VARIABLE: url})


def without_password(words: Sequence[str]) -> tuple[list[str], str | None]:
    """The command's words with the variable's name in the URL's place, and the URL; None: nothing to hide."""
    found, kept = None, []
    for before, word in zip(["", *words], words, strict=False):
        flag, equals, value = word.partition("=")
        url = word if before == FLAG else value if flag == FLAG and equals else ""
        if _WITH_PASSWORD.match(url):
            found = url
            kept.append(BY_NAME + VARIABLE if before == FLAG else f"{FLAG}={BY_NAME}{VARIABLE}")
        else:
            kept.append(word)
    return kept, found


def database_url(text: str) -> str:
    """The URL that a flag gives, itself or by the name of a variable."""
    if not text.startswith(BY_NAME):
        return text
    name = text.removeprefix(BY_NAME)
    url = os.environ.get(name)
    if not url:
        raise ValueError(f"the environment has no {name}")
    return url
