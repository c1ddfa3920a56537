"""Statements on done marks."""

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio.session import AsyncSession

from apps.shared.models import Done, Task


async def find_mark(session: AsyncSession, task_id: int) -> Row[int, int | None] | None:
    """The ids of a task and of its done mark, in one statement; None when there is no such task."""
    statement = select(Task.id, Done.id).outerjoin(Done, Task.id == Done.id).where(Task.id == task_id)
    result = await session.execute(statement)
    return result.one_or_none()


async def get_done(session: AsyncSession, task_id: int) -> Done | None:
    """A done mark, to remove it."""
    return await session.get(Done, task_id)


async def create_done(session: AsyncSession, task_id: int) -> None:
    """Insert and commit."""
    session.add(Done(id=task_id))
    await session.commit()


async def delete_done(session: AsyncSession, done: Done) -> None:
    """Delete and commit."""
    await session.delete(done)
    await session.commit()
