"""The async app whose pool rolls back what comes back to it: SQLAlchemy's default, a second ROLLBACK here."""

from apps.probes.changed import with_engine_options

app = with_engine_options("apps.async_app", pool_reset_on_return="rollback")
