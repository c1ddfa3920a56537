"""Statements on tasks."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Row, Select, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from apps.shared.models import Done, Task
from apps.shared.schemas import TaskBody

ListedRow = Row[int, str | None, date | None, bool]


def _with_done_mark() -> Select[int, str | None, date | None, bool]:
    done = Done.id.is_not(None).label("done")
    return select(Task.id, Task.title, Task.due_date, done).outerjoin(Done, Task.id == Done.id)


def list_tasks(session: Session, limit: int, offset: int) -> Sequence[ListedRow]:
    """Tasks in the order of their ids, each with its done mark."""
    result = session.execute(_with_done_mark().order_by(Task.id).limit(limit).offset(offset))
    return result.all()


def read_task(session: Session, task_id: int) -> ListedRow | None:
    """One task with its done mark."""
    result = session.execute(_with_done_mark().where(Task.id == task_id))
    return result.one_or_none()


def get_task(session: Session, task_id: int) -> Task | None:
    """One task, to change it."""
    return session.get(Task, task_id)


def create_task(session: Session, body: TaskBody) -> Task | None:
    """Insert, commit, refresh."""
    task = Task(**body.model_dump())
    session.add(task)
    return _saved(session, task)


def update_task(session: Session, body: TaskBody, task: Task) -> Task | None:
    """Update, commit, refresh."""
    task.title = body.title
    task.due_date = body.due_date
    return _saved(session, task)


def _saved(session: Session, task: Task) -> Task | None:
    """The task as the database has it now; None when another request has just deleted it."""
    session.commit()
    try:
        session.refresh(task)
    except InvalidRequestError:
        return None
    return task


def delete_task(session: Session, task: Task) -> None:
    """Delete and commit; the database removes the done mark."""
    session.delete(task)
    session.commit()
