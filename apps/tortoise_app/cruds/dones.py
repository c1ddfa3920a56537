"""Queries on done marks."""

from ..models import Done, Task


async def find_mark(task_id: int) -> tuple[int, int | None] | None:
    """The ids of a task and of its done mark, in one statement; None when there is no such task."""
    rows = await Task.filter(id=task_id).values_list("id", "mark__task_id")
    return rows[0] if rows else None


async def get_done(task_id: int) -> Done | None:
    """A done mark, to remove it."""
    return await Done.get_or_none(task_id=task_id)


async def create_done(task_id: int) -> None:
    """Insert."""
    await Done.create(task_id=task_id)


async def delete_done(done: Done) -> None:
    """Delete."""
    await done.delete()
