"""Whether the database server of a run is still the one it was. Must not know what is measured on it."""

import time

from gainbench.errors import InvalidMeasurement
from gainbench.stack.database import sql
from gainbench.stack.database.dialect import DatabaseRefused, Session
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.text import how_ended

LOOK_SECONDS = 8.0  # one that was held up for less goes on as if nothing had been
POLL_SECONDS = 0.1


class DatabaseLost(InvalidMeasurement):
    """The database server has ended or no longer answers: no arm is to blame for what follows from that."""


class Watch:
    """Holds a connection open: a server that went and came back has cut it."""

    def __init__(self, server: DatabaseServer) -> None:
        self._server = server
        self._session = self._connect()

    def look(self) -> str | None:
        """None if nothing has happened since the last look; what has, to a server that serves again."""
        try:
            self._session.ping()
        except DatabaseRefused:
            self._require_process()
            self.close()
            self._session = self._connect()
            return "the database server was restarted, or cut its connections"
        return None

    def close(self) -> None:
        """May be called twice."""
        self._session.break_off()

    def _connect(self) -> Session:
        """A server that is just starting again is waited for."""
        deadline = time.monotonic() + LOOK_SECONDS
        while True:
            try:
                opened = sql.open_session(self._server.administrator, answer_seconds=LOOK_SECONDS)
                opened.stay()
                return opened
            except DatabaseRefused as error:
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
