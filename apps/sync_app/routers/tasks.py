"""The to-do API: tasks."""

from collections.abc import Sequence

from fastapi import APIRouter, HTTPException

from apps.shared.errors import documented
from apps.shared.models import Task
from apps.shared.schemas import MAX_ROWS, Limit, ListedTask, Offset, RowId, SavedTask, TaskBody

from ..concurrency import HandlerRoute
from ..cruds import tasks as cruds
from ..db import DbSession

router = APIRouter(tags=["to-do"], route_class=HandlerRoute)


@router.get("/tasks", response_model=list[ListedTask], responses=documented(422, 503))
def list_tasks(
    session: DbSession,
    limit: Limit = MAX_ROWS,
    offset: Offset = 0,
) -> Sequence[cruds.ListedRow]:
    return cruds.list_tasks(session, limit, offset)


@router.get("/tasks/{task_id}", response_model=ListedTask, responses=documented(404, 422, 503))
def read_task(task_id: RowId, session: DbSession) -> cruds.ListedRow:
    task = cruds.read_task(session, task_id)
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


@router.post("/tasks", response_model=SavedTask, responses=documented(400, 404, 413, 422, 503))
def create_task(body: TaskBody, session: DbSession) -> Task:
    task = cruds.create_task(session, body)
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


@router.put("/tasks/{task_id}", response_model=SavedTask, responses=documented(400, 404, 413, 422, 503))
def update_task(task_id: RowId, body: TaskBody, session: DbSession) -> Task:
    task = cruds.get_task(session, task_id)
    saved = cruds.update_task(session, body, task) if task is not None else None
    if saved is None:
        raise HTTPException(404, "Task not found")
    return saved


@router.delete("/tasks/{task_id}", response_model=None, responses=documented(404, 422, 503))
def delete_task(task_id: RowId, session: DbSession) -> None:
    task = cruds.get_task(session, task_id)
    if task is None:
        raise HTTPException(404, "Task not found")
    cruds.delete_task(session, task)
