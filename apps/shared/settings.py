"""The settings of both apps, read from the environment and checked before anything starts.

Each setting is an environment variable of the same name in capitals. A wrong value ends the process with
one line that names the variable, the value and what would be accepted.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, Field, HttpUrl, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from apps.shared.drivers import AWAITING, BLOCKING, PRODUCTS, Driver, Product

# uvicorn's own status for "failed to start": with --workers it stops then, instead of trying again for ever.
STARTUP_FAILURE = 3


def _writable_folder(folder: Path) -> Path:
    """The folder is made with the first upload; that it can be made is known now."""
    absolute = folder.absolute()
    there = next(path for path in (absolute, *absolute.parents) if os.path.exists(path))
    if not there.is_dir():
        raise ValueError(f"{there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"this process may not write to {there}")
    return folder


class Settings(BaseSettings):
    """What both apps have in common; the fields' descriptions say what is accepted."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    drivers: ClassVar[Mapping[str, Driver]]
    without_tls: ClassVar[frozenset[str]] = frozenset()  # those that we cannot put it on for
    driver_is_async: ClassVar[bool]

    database_url: Annotated[URL, NoDecode] = Field(
        description="mysql://USER:PASSWORD@HOST:PORT/SCHEMA, or postgresql:// likewise"
    )
    database_tls: Literal["off", "on"] = Field("off", description="off or on")
    pool_size: int = Field(10, ge=1, le=1000, description="connections kept open, 1 to 1000")
    max_overflow: int = Field(0, ge=0, le=1000, description="connections beyond POOL_SIZE, 0 to 1000")
    pool_timeout_seconds: float = Field(30.0, gt=0, le=600, description="seconds above 0, up to 600")
    pool_recycle_seconds: int = Field(300, ge=1, le=86_400, description="whole seconds, 1 to 86400")
    isolation_level: (
        Literal["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] | None
    ) = Field(
        None,
        validate_default=True,
        description="READ UNCOMMITTED, READ COMMITTED, REPEATABLE READ or SERIALIZABLE",
    )
    thread_tokens: int = Field(40, ge=1, le=1000, description="threads that may work at once, 1 to 1000")
    upload_dir: Annotated[Path, AfterValidator(_writable_folder)] = Field(
        Path("uploads"), validate_default=True, description="a folder that this process may write to"
    )
    upload_limit_bytes: int = Field(5 * 1024**2, ge=1, le=1024**3, description="bytes, 1 to 1073741824")
    upload_chunk_bytes: int = Field(64 * 1024, ge=512, le=16 * 1024**2, description="bytes, 512 to 16777216")
    upstream_url: HttpUrl | None = Field(None, description="the http(s) URL that /io/upstream calls")
    upstream_timeout_seconds: float = Field(10.0, gt=0, le=60, description="seconds above 0, up to 60")
    limited_capacity: int = Field(
        8, ge=1, le=1000, description="requests inside /io/limited at once, 1 to 1000"
    )
    limited_wait_seconds: float = Field(1.0, ge=0, le=60, description="seconds, 0 to 60")
    cpu_processes: int = Field(2, ge=1, le=64, description="worker processes of /io/cpu, 1 to 64")

    @field_validator("database_url", mode="before")
    @classmethod
    def _with_a_driver_of_this_app(cls, value: object) -> URL:
        url = _database_url(str(value), cls.drivers)
        dialect = url.get_dialect()
        if cls.driver_is_async:
            dialect = dialect.get_async_dialect_cls(url)  # one name may stand for a driver of either kind
        if dialect.is_async is not cls.driver_is_async:
            needed = "one that awaits" if cls.driver_is_async else "one that blocks"
            raise ValueError(
                f"{dialect.driver} is the wrong kind of driver for this app, which needs {needed}"
            )
        if url.get_driver_name() not in cls.drivers:
            known = _drivers_for(PRODUCTS[url.get_backend_name()], cls.drivers)
            raise ValueError(f"the driver must be {' or '.join(known)}: DATABASE_TLS cannot rule others")
        try:
            dialect.import_dbapi()
        except ImportError as error:
            package = cls.drivers[url.get_driver_name()].package
            raise ValueError(f"the driver is not installed ({error}): pip install {package}") from error
        return url

    @field_validator("database_tls")
    @classmethod
    def _with_a_driver_that_has_it(cls, value: str, info: ValidationInfo) -> str:
        url = info.data.get("database_url")
        if value == "on" and url is not None and url.get_driver_name() in cls.without_tls:
            raise ValueError(f"{url.get_driver_name()} is here to be compared, and without TLS alone")
        return value

    @field_validator("isolation_level")
    @classmethod
    def _one_that_the_database_has(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Set or not, it is never left to the server: all drivers are to have the same."""
        url = info.data.get("database_url")
        if url is None:
            return value
        product = PRODUCTS[url.get_backend_name()]
        if value is None:
            return product.isolation_levels[0]
        if value not in product.isolation_levels:
            raise ValueError(f"{product.title} has no such level")
        return value

    @property
    def driver(self) -> Driver:
        """The one that the URL names, or was given."""
        return self.drivers[self.database_url.get_driver_name()]


def _database_url(text: str, drivers: Mapping[str, Driver]) -> URL:
    """The URL with its driver and, for MySQL, its character set put in."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ValueError("not a database URL") from error
    product = PRODUCTS.get(url.get_backend_name())
    known = _drivers_for(product, drivers)
    if product is None or not known:
        products = dict.fromkeys(driver.product.title for driver in drivers.values())
        raise ValueError(f"the app speaks to {' or '.join(products)} only")
    if "+" not in url.drivername:
        url = url.set(drivername=f"{url.drivername}+{known[0]}")
    try:
        url.get_dialect()
    except NoSuchModuleError as error:
        raise ValueError("there is no such driver") from error
    if not url.database:
        raise ValueError("the URL names no schema")
    if unknown := set(url.query) - set(product.url_query):
        raise ValueError(
            f"the URL carries {', '.join(sorted(unknown))}: the settings do that, alike for both apps"
        )
    return url.update_query_dict(product.url_query)


def _drivers_for(product: Product | None, drivers: Mapping[str, Driver]) -> list[str]:
    return [name for name, driver in drivers.items() if driver.product is product]


class SyncSettings(Settings):
    """The blocking app: handlers run in the thread pool or, by a common mistake, on the event loop."""

    drivers = BLOCKING
    without_tls = frozenset(name for name, driver in BLOCKING.items() if driver.with_tls is None)
    driver_is_async = False

    handlers: Literal["thread-pool", "event-loop"] = Field(
        "thread-pool", description="thread-pool or event-loop"
    )


class AsyncSettings(Settings):
    """The awaiting app."""

    drivers = AWAITING
    driver_is_async = True


_AnySettings = TypeVar("_AnySettings", bound=Settings)


def load(kind: type[_AnySettings]) -> _AnySettings:
    """The settings of this process, or the end of it."""
    try:
        return kind()
    except ValidationError as refused:
        for line in _complaints(kind, refused.errors()):
            sys.stderr.write(f"{line}\n")
        raise SystemExit(STARTUP_FAILURE) from None


def _complaints(kind: type[Settings], errors: list[ErrorDetails]) -> Iterator[str]:
    for error in errors:
        field = str(error["loc"][0])
        accepted = kind.model_fields[field].description
        if error["type"] == "missing":
            yield f"{field.upper()} is not set. Accepted: {accepted}"
        else:
            reason = error["msg"].removeprefix("Value error, ")
            value = _without_password(error["input"])
            yield f"{field.upper()}={value} is not accepted: {reason}. Accepted: {accepted}"


def _without_password(value: object) -> str:
    return re.sub(r"(://[^:/]*:).*@", r"\1***@", str(value))
