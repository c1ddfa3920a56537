"""The blog API: multipart forms with an image."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, File, HTTPException, UploadFile
from sqlalchemy.exc import SQLAlchemyError

from apps.shared.errors import documented
from apps.shared.schemas import (
    MAX_ROWS,
    BlogAuthor,
    BlogContent,
    BlogFields,
    BlogPost,
    BlogTitle,
    Limit,
    Offset,
    RowId,
)

from ..concurrency import HandlerRoute
from ..cruds import blogs as cruds
from ..db import DbConnection
from ..uploads import discard_image, save_image

router = APIRouter(tags=["blog"], route_class=HandlerRoute)

Image = Annotated[UploadFile | None, File(description="PNG, JPEG, GIF or WebP")]


@router.get("/blogs", response_model=list[BlogPost], responses=documented(422, 503))
def list_blogs(
    connection: DbConnection, limit: Limit = MAX_ROWS, offset: Offset = 0
) -> Sequence[cruds.BlogRow]:
    return cruds.list_blogs(connection, limit, offset)


@router.get("/blogs/{blog_id}", response_model=BlogPost, responses=documented(404, 422, 503))
def read_blog(blog_id: RowId, connection: DbConnection) -> cruds.BlogRow:
    blog = cruds.get_blog(connection, blog_id)
    if blog is None:
        raise HTTPException(404, "Blog not found")
    return blog


@router.post(
    "/blogs", status_code=201, response_model=BlogPost, responses=documented(400, 413, 415, 422, 503)
)
def create_blog(
    *,
    title: BlogTitle,
    author: BlogAuthor,
    content: BlogContent,
    connection: DbConnection,
    image: Image = None,
) -> BlogPost:
    stored = save_image(image) if image is not None else None
    fields = BlogFields(title=title, author=author, content=content, image=stored)
    try:
        blog_id = cruds.create_blog(connection, fields)
    except SQLAlchemyError:
        discard_image(stored)
        raise
    return BlogPost(id=blog_id, **fields)


@router.put("/blogs/{blog_id}", response_model=BlogPost, responses=documented(400, 404, 413, 415, 422, 503))
def update_blog(
    *,
    blog_id: RowId,
    title: BlogTitle,
    author: BlogAuthor,
    content: BlogContent,
    connection: DbConnection,
    image: Image = None,
) -> BlogPost:
    blog = cruds.get_blog(connection, blog_id)
    if blog is None:
        raise HTTPException(404, "Blog not found")
    stored = save_image(image) if image is not None else None
    fields = BlogFields(title=title, author=author, content=content, image=stored or blog.image)
    try:
        found = cruds.update_blog(connection, blog_id, fields)
    except SQLAlchemyError:
        discard_image(stored)
        raise
    if not found:
        discard_image(stored)
        raise HTTPException(404, "Blog not found")
    if stored is not None:
        discard_image(blog.image)
    return BlogPost(id=blog_id, **fields)


@router.delete("/blogs/{blog_id}", response_model=None, responses=documented(404, 422, 503))
def delete_blog(blog_id: RowId, connection: DbConnection) -> None:
    blog = cruds.get_blog(connection, blog_id)
    if blog is None:
        raise HTTPException(404, "Blog not found")
    cruds.delete_blog(connection, blog_id)
    discard_image(blog.image)
