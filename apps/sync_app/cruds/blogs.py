"""Statements on blog posts: SQL as text, on a bare connection."""

from collections.abc import Sequence

from sqlalchemy import Row, insert, text
from sqlalchemy.engine import Connection

from apps.shared.models import Blog
from apps.shared.schemas import BlogFields

BlogRow = Row[int, str, str, str, str | None]

_SELECT = "SELECT id, title, author, content, image FROM blogs"


def list_blogs(connection: Connection, limit: int, offset: int) -> Sequence[BlogRow]:
    """Posts in the order of their ids."""
    statement = text(f"{_SELECT} ORDER BY id LIMIT :limit OFFSET :offset")
    result = connection.execute(statement, {"limit": limit, "offset": offset})
    return result.all()


def get_blog(connection: Connection, blog_id: int) -> BlogRow | None:
    """One post."""
    result = connection.execute(text(f"{_SELECT} WHERE id = :id"), {"id": blog_id})
    return result.one_or_none()


def create_blog(connection: Connection, fields: BlogFields) -> int:
    """Insert and commit; the new id, for which each database has a way of its own."""
    result = connection.execute(insert(Blog), fields)
    connection.commit()
    return result.inserted_primary_key[0]


def update_blog(connection: Connection, blog_id: int, fields: BlogFields) -> bool:
    """Update and commit; False when another request has just deleted the post."""
    statement = text(
        "UPDATE blogs SET title = :title, author = :author, content = :content, image = :image WHERE id = :id"
    )
    result = connection.execute(statement, {**fields, "id": blog_id})
    connection.commit()
    return result.rowcount == 1


def delete_blog(connection: Connection, blog_id: int) -> None:
    """Delete and commit."""
    connection.execute(text("DELETE FROM blogs WHERE id = :id"), {"id": blog_id})
    connection.commit()
