"""Is this upload an image, and under which name may it be stored? Reading and writing is the apps' part."""

import re
import secrets
import unicodedata
from pathlib import PurePosixPath

HEADER_BYTES = 12
STEM_LENGTH = 64

_KINDS = {
    "PNG": ({".png"}, re.compile(rb"\x89PNG\r\n\x1a\n")),
    "JPEG": ({".jpg", ".jpeg"}, re.compile(rb"\xff\xd8\xff")),
    "GIF": ({".gif"}, re.compile(rb"GIF8[79]a")),
    "WebP": ({".webp"}, re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
}
KIND_NAMES = ", ".join(_KINDS)


class NotAnImageError(ValueError):
    """The contents, or the name, are not those of an image we take."""


def stored_name(client_name: str, header: bytes) -> str:
    """A new name for the upload: never a path, never an existing file, always ending as its contents say."""
    path = PurePosixPath(client_name.replace("\\", "/"))
    extension = path.suffix.lower()
    for kind, (extensions, magic) in _KINDS.items():
        if magic.match(header):
            if extension not in extensions:
                raise NotAnImageError(
                    f"the contents are {kind}, so the name must end in {' or '.join(sorted(extensions))}"
                )
            return f"{_plain(path.stem)}-{secrets.token_hex(8)}{extension}"
    raise NotAnImageError(f"the contents are none of {KIND_NAMES}")


def _plain(stem: str) -> str:
    """Letters, digits, ``_`` and ``-``: safe in a path, a URL and a shell."""
    ascii_stem = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "-", ascii_stem).strip("-")[:STEM_LENGTH] or "image"
