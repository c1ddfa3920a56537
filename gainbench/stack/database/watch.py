"""Whether the database server of a run is still the one it was. Must not know what is measured on it."""

import time

import pymysql

from gainbench.errors import EnvironmentLacking, InvalidMeasurement
from gainbench.stack.database import sql
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.text import how_ended

LOOK_SECONDS = 8.0  # one that was held up for less goes on as if nothing had been
POLL_SECONDS = 0.1
WATCH_SECONDS = 28_800  # how long the server is asked to keep an idle connection open


class DatabaseLost(InvalidMeasurement):
    """The database server has ended or no longer answers: no arm is to blame for what follows from that."""


class Watch:
    """Holds a connection open: a server that went and came back has cut it."""

    def __init__(self, server: DatabaseServer) -> None:
        self._server = server
        self._connection = self._connect()

    def look(self) -> str | None:
        """None if nothing has happened since the last look; what has, to a server that serves again."""
        try:
            self._connection.ping(reconnect=False)
        except pymysql.MySQLError:
            self._require_process()
            self.close()
            self._connection = self._connect()
            return "the database server was restarted, or cut its connections"
        return None

    def close(self) -> None:
        """May be called twice."""
        if self._connection.open:
            self._connection._force_close()  # type: ignore[attr-defined] # one that hangs takes no farewell

    def _connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        """A server that is just starting again is waited for."""
        deadline = time.monotonic() + LOOK_SECONDS
        while True:
            try:
                with sql.explained(self._server.administrator):
                    opened = sql.connect(self._server.administrator, answer_seconds=LOOK_SECONDS)
                    opened.query(f"SET SESSION wait_timeout = {WATCH_SECONDS}")
                return opened
            except EnvironmentLacking as error:
                self._require_process()
                if time.monotonic() > deadline:
                    raise DatabaseLost(
                        f"the database server no longer answers ({error.message})",
                        cure="see that it runs, and run again; what was measured before is kept",
                    ) from error
            time.sleep(POLL_SECONDS)

    def _require_process(self) -> None:
        process = self._server.process
        status = None if process is None else process.returncode()
        if process is not None and status is not None:
            raise DatabaseLost(
                f"the database server {how_ended(status)}",
                cure=f"its log says why ({process.log}); what was measured before is kept",
            )
