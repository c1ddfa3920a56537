"""Attributes that are loaded when they are touched, under an async session."""

from gainbench.experiments.claims.claim import Judged
from gainbench.experiments.claims.ground import TOLD, Ground
from gainbench.store.records import Evidence

SAYS = "Lazy loading does not work under async; attributes after a commit need `expire_on_commit=False`."
CLAIMED = "an error for both"

SCRIPT = f"""
import asyncio, json, os
from sqlalchemy import ForeignKey
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
class Base(DeclarativeBase): pass
class Author(Base):
    __tablename__ = "claims_authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list["Book"]] = relationship()
class Book(Base):
    __tablename__ = "claims_books"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("claims_authors.id"))
def tried(look):
    try:
        look()
        return "no error"
    except Exception as error:
        return type(getattr(error, "orig", None) or error).__name__
async def main():
    engine = create_async_engine(os.environ["ASYNC_URL"])
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    told = {{}}
    try:
        async with async_sessionmaker(engine)() as session:
            session.add(Author(id=1))
            await session.commit()
        async with async_sessionmaker(engine)() as session:
            author = await session.get(Author, 1)
            told["lazy"] = tried(lambda: author.books)
            await session.commit()
            told["expired"] = tried(lambda: author.id)
        async with async_sessionmaker(engine, expire_on_commit=False)() as session:
            author = await session.get(Author, 1)
            await session.commit()
            told["kept"] = tried(lambda: author.id)
    finally:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
        await engine.dispose()
    return told
print({TOLD!r} + json.dumps(asyncio.run(main())))
"""


def measure(ground: Ground) -> Evidence:
    return Evidence(texts={name: str(value) for name, value in ground.run(SCRIPT).items()})


def judge(evidence: Evidence) -> Judged:
    lazy, expired, kept = (evidence.texts[name] for name in ("lazy", "expired", "kept"))
    told = f"lazy: {lazy}; after a commit: {expired}; with `expire_on_commit=False`: {kept}"
    fails = [lazy != "no error", expired != "no error"]
    if all(fails) and kept == "no error":
        return Judged("confirmed", "Loading needs an `await`, and touching an attribute has none.", told)
    if not any(fails):
        return Judged("refuted", "Both are loaded without a word.", told)
    return Judged("depends", "One of the two fails, the other does not.", told)
