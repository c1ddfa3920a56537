"""The async app with SQLAlchemy's echo: every statement into the log."""

from apps.probes.changed import with_engine_options

app = with_engine_options("apps.async_app", echo=True)
