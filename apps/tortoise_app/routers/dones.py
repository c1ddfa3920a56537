"""The to-do API: done marks."""

from fastapi import APIRouter, HTTPException
from tortoise.exceptions import IntegrityError

from apps.shared.errors import documented
from apps.shared.schemas import DoneMark, RowId

from ..cruds import dones as cruds
from ..errors import is_duplicate

router = APIRouter(tags=["to-do"])


@router.put("/tasks/{task_id}/done", response_model=DoneMark, responses=documented(400, 404, 422, 503))
async def mark_done(task_id: RowId) -> DoneMark:
    mark = await cruds.find_mark(task_id)
    if mark is None:
        raise HTTPException(404, "Task not found")
    if mark[1] is not None:
        raise HTTPException(400, "Done already exists")
    try:
        await cruds.create_done(task_id)
    except IntegrityError as error:  # another request was faster, with the mark or with deleting the task
        if is_duplicate(error):
            raise HTTPException(400, "Done already exists") from error
        raise HTTPException(404, "Task not found") from error
    return DoneMark(id=task_id)


@router.delete("/tasks/{task_id}/done", response_model=None, responses=documented(404, 422, 503))
async def unmark_done(task_id: RowId) -> None:
    done = await cruds.get_done(task_id)
    if done is None:
        raise HTTPException(404, "Done not found")
    await cruds.delete_done(done)
