"""Is this app ready to serve?"""

from fastapi import APIRouter

from apps.shared.errors import documented
from apps.shared.schemas import Health

from ..concurrency import HandlerRoute
from ..cruds import laboratory as cruds
from ..db import DbConnection

router = APIRouter(tags=["health"], route_class=HandlerRoute)


@router.get("/healthz", response_model=Health, responses=documented(503))
def healthz(connection: DbConnection) -> Health:
    cruds.answer(connection)
    return Health()
