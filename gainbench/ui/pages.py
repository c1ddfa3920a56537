"""Locust's web UI with a "Compare" tab, and the page /compare beside it.

Uses Locust's extension points, no fork: extra form fields, an extra tab, and a blueprint of our own. Starting
and stopping is the harness's decision, so those two views are ours; Locust's would start all arms at once and
point every user at the one host of its form. Shows views, passes on orders, decides nothing.
"""

# mypy: untyped-calls-exclude=locust

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, send_from_directory
from locust.env import Environment
from locust.web import WebUI
from markupsafe import escape

from gainbench.report.files import RAW_FILES, REPORT
from gainbench.stack.processes.ports import HOST
from gainbench.store.directory import PLAN
from gainbench.ui import protocol
from gainbench.ui.forms import RUNNING, Refused, offer, read_round_trip, read_start
from gainbench.ui.guard import Guard
from gainbench.ui.protocol import LONGEST_ROUND_TRIP_MS, Choices, Order, Row, Stop, Store, View

ASSETS = Path(__file__).parent / "templates"
# Of a stored run; plan and logs may hold passwords.
SERVED = {REPORT, *RAW_FILES} - {PLAN, "logs/"}
STARTED = "the test starts; reload Locust's own page to see it there too"
LINK_STYLE = "margin:0;padding:6px 24px;font:14px system-ui,sans-serif;background:#eceaf4;color:#1b1d20"
GOES_ON = "a test is running: it goes on with these users and this round trip from the next comb on"
COLUMNS = {
    "arm": "Arm",
    "throughput": "Throughput",
    "failures": "Failures",
    "p50": "p50",
    "p95": "p95",
    "p99": "p99",
    "cpu": "CPU per request",
    "gain": "Gain so far (95 % interval)",
}

ReadView = Callable[[], View]
TakeOrder = Callable[[Order], None]


class CompareUI(WebUI):
    """Locust's web UI, on loopback alone."""

    def __init__(self, environment: Environment, *, port: int, view: ReadView, order: TakeOrder) -> None:
        self._read_view = view
        self._order = order
        self._offered: dict[str, str] = {}  # what our fields of Locust's form hold, as far as we know
        super().__init__(environment, HOST, port, delayed_start=True)
        assert self.app is not None  # set by the line above
        self.app.debug = False
        self.app.register_blueprint(compare_pages(view, order))
        self.app.view_functions["locust.swarm"] = self._swarm
        self.app.view_functions["locust.stop"] = self._stop
        self.app.after_request(self._with_comparison)
        self.app.after_request(self._with_link)
        self.app.wsgi_app = Guard(self.app.wsgi_app, port)  # type: ignore[method-assign]

    def update_template_args(self) -> None:
        """What Locust's page is drawn from: our fields in its form, our tab beside its own."""
        super().update_template_args()  # type: ignore[no-untyped-call]
        view = self._read_view()
        start = view.choices and view.choices.suggested
        self._offered = offer(start) if start else {}
        self.template_args |= {
            "state": _state_for_locust(view),
            "host": "",  # each arm has its own
            "override_host_warning": False,
            "missing_host_warning": False,
            "num_users": start.users if start else 1,
            "user_count": view.current.users if view.current else 0,
            "spawn_rate": start.spawn_rate if start else 1,
            "extra_options": _extra_options(view.choices) if view.choices else {},
            "extended_tabs": [{"title": "Compare", "key": "compare"}],
            "extended_tables": [
                {"key": "compare", "structure": [{"key": key, "title": COLUMNS[key]} for key in COLUMNS]}
            ],
            "extended_csv_files": [
                {"href": "./compare", "title": "Open the live comparison"},
                {"href": "./compare/arms.csv", "title": "Download the comparison of the arms as CSV"},
            ],
        }

    def _swarm(self) -> Response:
        """As Locust does, a refusal is an answer of status 200: only then does its form show the reason."""
        try:
            start = read_start(request.form, self._read_view(), self._offered)
        except Refused as refusal:
            return jsonify({"success": False, "message": str(refusal), "host": ""})
        self._order(start)
        # The form goes on offering what was last sent, whatever the other page has changed since.
        self._offered |= {field: text for field, text in request.form.items() if field in offer(start)}
        return jsonify({"success": True, "message": "Test started", "host": ""})

    def _stop(self) -> Response:
        self._order(Stop())
        return jsonify({"success": True, "message": "Test stopped"})

    def _with_comparison(self, response: Response) -> Response:
        """Add the tab's rows to the statistics that Locust's page asks for every two seconds."""
        if request.path != "/stats/requests" or not response.is_json:
            return response
        view = self._read_view()
        extra = {
            "extended_stats": [{"key": "compare", "data": [asdict(row) for row in view.rows]}],
            "state": _state_for_locust(view),
            "user_count": view.current.users if view.current else 0,
        }
        response.set_data(json.dumps({**response.get_json(), **extra}))
        return response

    def _with_link(self, response: Response) -> Response:
        """On Locust's own page: what is compared here, and where that is seen as it happens."""
        if request.path != "/" or response.mimetype != "text/html" or response.direct_passthrough:
            return response
        arms = ", ".join(str(escape(name)) for name in self._arms())
        link = '<a href="/compare">Watch them compared</a>'
        said = f'<p style="{LINK_STYLE}">{arms} take turns under the users you start here. {link}</p>'
        body = response.get_data(as_text=True)
        response.set_data(body.replace("<body>", f"<body>{said}", 1))
        return response

    def _arms(self) -> list[str]:
        choices = self._read_view().choices
        return [arm.name for arm in choices.arms] if choices else ["The arms"]


def _state_for_locust(view: View) -> str:
    """Its page no longer asks once a test is stopping, and would never learn that it has stopped."""
    return "running" if view.phase == "stopping" else view.phase


def _extra_options(choices: Choices) -> dict[str, Any]:
    """Our fields, in the shape in which Locust hands command-line options to its form."""
    texts = offer(choices.suggested)
    return {
        "scenario": _option(texts["scenario"], "what each user does", list(choices.scenarios)),
        "mode": _option(texts["mode"], "the arms in turn, or one arm alone", choices.modes),
        "round_trip_ms": _option(texts["round_trip_ms"], "added to each round trip to the database", None),
    }


def _option(default: str, help_text: str, choices: list[str] | None) -> dict[str, Any]:
    return {
        "default_value": default,
        "help_text": help_text,
        "choices": choices,
        "is_secret": False,
        "is_required": False,
        "is_multiple": False,
    }


def compare_pages(view: ReadView, order: TakeOrder) -> Blueprint:
    """The page /compare, what it asks for, and what it may order."""
    pages = Blueprint(
        "compare",
        __name__,
        url_prefix="/compare",
        template_folder=str(ASSETS),
        static_folder=str(ASSETS),
        static_url_path="/assets",
    )

    @pages.errorhandler(Refused)
    def refused(refusal: Refused) -> Response:
        return Response(json.dumps({"message": str(refusal)}), 400, mimetype="application/json")

    @pages.get("")
    def page() -> str:
        return render_template("compare.html", view=view(), longest=LONGEST_ROUND_TRIP_MS)

    @pages.get("/state")
    def state() -> Response:
        return Response(protocol.encode_view(view()), mimetype="application/json")

    @pages.post("/start")
    def start() -> Response:
        running = view().phase in RUNNING
        order(read_start(request.form, view()))
        return jsonify({"message": GOES_ON if running else STARTED})

    @pages.post("/round-trip")
    def round_trip() -> Response:
        wanted = read_round_trip(request.form, view())
        order(wanted)
        return jsonify({"message": f"the round trip becomes {wanted.rtt_ms:g} ms"})

    @pages.post("/stop")
    def stop() -> Response:
        if view().phase not in RUNNING:
            raise Refused("no test is running")
        order(Stop())
        return jsonify({"message": "the test stops"})

    @pages.post("/store")
    def store() -> Response:
        if not view().combs:
            raise Refused("there is nothing to store yet: start a test, and let one comb pass")
        order(Store())
        return jsonify({"message": "the report is being written"})

    @pages.get("/run/<path:name>")
    def run_file(name: str) -> Response:
        """The stored report, and the raw files that it links to."""
        stored = view().stored
        if stored is None:
            raise Refused("nothing has been stored yet")
        if name not in SERVED:
            raise Refused(f"not served here; look in {stored.run}")
        return send_from_directory(stored.run, name)

    @pages.get("/arms.csv")
    def arms() -> Response:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(field.name for field in fields(Row))
        writer.writerows(asdict(row).values() for row in view().rows)
        return Response(text.getvalue(), mimetype="text/csv")

    return pages
