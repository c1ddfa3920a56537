"""Queries on tasks."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal, TypedDict

from tortoise.exceptions import DoesNotExist
from tortoise.queryset import QuerySet, ValuesQuery

from apps.shared.schemas import TaskBody

from ..models import Task


class ListedRow(TypedDict):
    """A task with its done mark."""

    id: int
    title: str | None
    due_date: date | None
    done: bool


def _with_done_mark(tasks: QuerySet[Task]) -> ValuesQuery[Literal[False]]:
    return tasks.values("id", "title", "due_date", done="mark__task_id")


def _listed(row: dict[str, Any]) -> ListedRow:
    """The id of the mark as yes or no: in the twins, the database says so itself."""
    return ListedRow(id=row["id"], title=row["title"], due_date=row["due_date"], done=row["done"] is not None)


async def list_tasks(limit: int, offset: int) -> Sequence[ListedRow]:
    """Tasks in the order of their ids, each with its done mark."""
    rows = await _with_done_mark(Task.all().order_by("id").limit(limit).offset(offset))
    return [_listed(row) for row in rows]


async def read_task(task_id: int) -> ListedRow | None:
    """One task with its done mark."""
    rows = await _with_done_mark(Task.filter(id=task_id))
    return _listed(rows[0]) if rows else None


async def get_task(task_id: int) -> Task | None:
    """One task, to change it."""
    return await Task.get_or_none(id=task_id)


async def create_task(body: TaskBody) -> Task | None:
    """Insert, refresh."""
    return await _refreshed(await Task.create(**body.model_dump()))


async def update_task(body: TaskBody, task: Task) -> Task | None:
    """Update, refresh."""
    task.title = body.title
    task.due_date = body.due_date
    await task.save()
    return await _refreshed(task)


async def _refreshed(task: Task) -> Task | None:
    """The task as the database has it now; None when another request has just deleted it."""
    try:
        await task.refresh_from_db()
    except DoesNotExist:
        return None
    return task


async def delete_task(task: Task) -> None:
    """Delete; the database removes the done mark."""
    await task.delete()
