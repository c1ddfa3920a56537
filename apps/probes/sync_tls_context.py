"""The sync app as PyMySQL connects when nobody says otherwise: a TLS context for each new connection."""

from apps.probes.changed import with_engine_options

app = with_engine_options("apps.sync_app", connect_args={})
