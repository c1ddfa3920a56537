"""The to-do API: tasks."""

from collections.abc import Sequence

from fastapi import APIRouter, HTTPException

from apps.shared.errors import documented
from apps.shared.schemas import MAX_ROWS, Limit, ListedTask, Offset, RowId, SavedTask, TaskBody

from ..cruds import tasks as cruds
from ..models import Task

router = APIRouter(tags=["to-do"])


@router.get("/tasks", response_model=list[ListedTask], responses=documented(422, 503))
async def list_tasks(
    limit: Limit = MAX_ROWS,
    offset: Offset = 0,
) -> Sequence[cruds.ListedRow]:
    return await cruds.list_tasks(limit, offset)


@router.get("/tasks/{task_id}", response_model=ListedTask, responses=documented(404, 422, 503))
async def read_task(task_id: RowId) -> cruds.ListedRow:
    task = await cruds.read_task(task_id)
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


@router.post("/tasks", response_model=SavedTask, responses=documented(400, 404, 413, 422, 503))
async def create_task(body: TaskBody) -> Task:
    task = await cruds.create_task(body)
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


@router.put("/tasks/{task_id}", response_model=SavedTask, responses=documented(400, 404, 413, 422, 503))
async def update_task(task_id: RowId, body: TaskBody) -> Task:
    task = await cruds.get_task(task_id)
    saved = await cruds.update_task(body, task) if task is not None else None
    if saved is None:
        raise HTTPException(404, "Task not found")
    return saved


@router.delete("/tasks/{task_id}", response_model=None, responses=documented(404, 422, 503))
async def delete_task(task_id: RowId) -> None:
    task = await cruds.get_task(task_id)
    if task is None:
        raise HTTPException(404, "Task not found")
    await cruds.delete_task(task)
