"""Is this app ready to serve?"""

from fastapi import APIRouter

from apps.shared.errors import documented
from apps.shared.schemas import Health

from ..cruds import health as cruds

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health, responses=documented(503))
async def healthz() -> Health:
    await cruds.answer()
    return Health()
