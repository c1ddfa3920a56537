"""The async app whose pool asks each connection whether it is alive before it gives it out."""

from apps.probes.changed import with_engine_options

app = with_engine_options("apps.async_app", pool_pre_ping=True)
