"""Statements on done marks."""

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from apps.shared.models import Done, Task


def find_mark(session: Session, task_id: int) -> Row[int, int | None] | None:
    """The ids of a task and of its done mark, in one statement; None when there is no such task."""
    statement = select(Task.id, Done.id).outerjoin(Done, Task.id == Done.id).where(Task.id == task_id)
    result = session.execute(statement)
    return result.one_or_none()


def get_done(session: Session, task_id: int) -> Done | None:
    """A done mark, to remove it."""
    return session.get(Done, task_id)


def create_done(session: Session, task_id: int) -> None:
    """Insert and commit."""
    session.add(Done(id=task_id))
    session.commit()


def delete_done(session: Session, done: Done) -> None:
    """Delete and commit."""
    session.delete(done)
    session.commit()
