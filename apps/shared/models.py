"""The tables, once for both apps; the seed script is made from them.

Nothing here loads lazily: there is no relationship to follow, so a model means the same to both apps.
"""

from datetime import date

from sqlalchemy import Date, ForeignKey, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

TITLE_LENGTH = 1024
BLOG_TITLE_LENGTH = 200
BLOG_AUTHOR_LENGTH = 100
BLOG_CONTENT_LENGTH = 10_000
IMAGE_NAME_LENGTH = 120


class Base(DeclarativeBase):
    """Storage that MySQL and MariaDB agree on, instead of each server's own default."""

    __table_args__ = {  # noqa: RUF012 - SQLAlchemy reads this name from the class
        "mysql_engine": "InnoDB",
        "mysql_charset": "utf8mb4",
        "mysql_collate": "utf8mb4_unicode_ci",
    }


class Task(Base):
    """Something to do."""

    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    title: Mapped[str | None] = mapped_column(String(TITLE_LENGTH))
    due_date: Mapped[date | None] = mapped_column(Date)


class Done(Base):
    """A row means that the task of this id is done; the database removes it with its task."""

    __tablename__ = "dones"

    id: Mapped[int] = mapped_column(ForeignKey(Task.id, ondelete="CASCADE"), primary_key=True)


class Blog(Base):
    """A blog post; ``image`` is a file name inside the upload folder."""

    __tablename__ = "blogs"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    title: Mapped[str] = mapped_column(String(BLOG_TITLE_LENGTH))
    author: Mapped[str] = mapped_column(String(BLOG_AUTHOR_LENGTH))
    content: Mapped[str] = mapped_column(Text)
    image: Mapped[str | None] = mapped_column(String(IMAGE_NAME_LENGTH))
