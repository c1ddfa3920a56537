"""Statements on blog posts: SQL as text, on a bare connection."""

from collections.abc import Sequence

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio.engine import AsyncConnection

from apps.shared.models import Blog
from apps.shared.schemas import BlogFields

BlogRow = Row[int, str, str, str, str | None]

_SELECT = "SELECT id, title, author, content, image FROM blogs"


async def list_blogs(connection: AsyncConnection, limit: int, offset: int) -> Sequence[BlogRow]:
    """Posts in the order of their ids."""
    statement = text(f"{_SELECT} ORDER BY id LIMIT :limit OFFSET :offset")
    result = await connection.execute(statement, {"limit": limit, "offset": offset})
    return result.all()


async def get_blog(connection: AsyncConnection, blog_id: int) -> BlogRow | None:
    """One post."""
    result = await connection.execute(text(f"{_SELECT} WHERE id = :id"), {"id": blog_id})
    return result.one_or_none()


async def create_blog(connection: AsyncConnection, fields: BlogFields) -> int:
    """Insert and commit; the new id, for which each database has a way of its own."""
    result = await connection.execute(insert(Blog), fields)
    await connection.commit()
    return result.inserted_primary_key[0]


async def update_blog(connection: AsyncConnection, blog_id: int, fields: BlogFields) -> bool:
    """Update and commit; False when another request has just deleted the post."""
    statement = text(
        "UPDATE blogs SET title = :title, author = :author, content = :content, image = :image WHERE id = :id"
    )
    result = await connection.execute(statement, {**fields, "id": blog_id})
    await connection.commit()
    return result.rowcount == 1


async def delete_blog(connection: AsyncConnection, blog_id: int) -> None:
    """Delete and commit."""
    await connection.execute(text("DELETE FROM blogs WHERE id = :id"), {"id": blog_id})
    await connection.commit()
