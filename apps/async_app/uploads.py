"""Images on disk: written in chunks under a passing name, then renamed, so none is ever half-written."""

from pathlib import Path

from fastapi import HTTPException, UploadFile

from apps.shared.images import HEADER_BYTES, NotAnImageError, stored_name

from .concurrency import make_folder, move_file, open_file, read_upload, remove_file
from .settings import settings


async def save_image(upload: UploadFile) -> str:
    """Store the upload; the name it got inside the upload folder."""
    header = await read_upload(upload, HEADER_BYTES)
    try:
        name = stored_name(upload.filename or "", header)
    except NotAnImageError as error:
        raise HTTPException(415, f"Not an image: {error}") from error
    target = settings.upload_dir / name
    passing = target.with_name(f".{name}.part")
    try:
        await make_folder(settings.upload_dir)
        try:
            await _write_chunks(upload, header, passing)
            await move_file(passing, target)
        finally:
            await remove_file(passing)
    except OSError as error:
        raise HTTPException(503, f"The image cannot be stored in UPLOAD_DIR: {error.strerror}") from error
    return name


async def _write_chunks(upload: UploadFile, chunk: bytes, path: Path) -> None:
    written_bytes = 0
    async with open_file(path, "wb") as file:
        while chunk:
            written_bytes += len(chunk)
            if written_bytes > settings.upload_limit_bytes:
                raise HTTPException(413, f"The image is larger than {settings.upload_limit_bytes} bytes")
            await file.write(chunk)
            chunk = await read_upload(upload, settings.upload_chunk_bytes)


async def discard_image(name: str | None) -> None:
    """Remove an image that no post names any more."""
    if name is not None:
        await remove_file(settings.upload_dir / name)
