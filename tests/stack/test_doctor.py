"""What the doctor says of this machine, and of a database named by URL."""

import pytest

from gainbench.errors import EnvironmentLacking
from gainbench.stack import doctor
from gainbench.stack.database.mysql import program as mysql
from gainbench.stack.database.postgresql import program as postgresql
from gainbench.stack.database.server import DatabaseServer


@pytest.mark.database
def test_checks_of_a_machine_that_has_everything() -> None:
    found = {check.name: check for check in (*doctor.checks(), *doctor.libraries())}
    for product in ("MariaDB or MySQL", "PostgreSQL"):
        assert {f"{product} server", f"private {product}", f"TLS to {product}"} <= set(found)
        assert found[f"private {product}"].ok is True
        assert found[f"TLS to {product}"].value == "off"
    assert {"Python", "cores", "open files", "free ports", "Chromium"} <= set(found)
    assert {"py-spy", "fastapi", "locust"} <= set(found)
    assert [check.name for check in found.values() if check.ok is not True and check.cure is None] == []


def test_lack_has_a_name_and_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql, "FOLDERS", ())
    monkeypatch.setattr(postgresql, "FOLDERS", ())
    monkeypatch.setattr(postgresql, "WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", "/nowhere")
    found = {check.name: check for check in (*doctor.checks(), *doctor.libraries(["no-such-library"]))}
    for name in ("private MariaDB or MySQL", "no-such-library"):
        assert found[name].ok is False
        assert found[name].cure
    assert found["private PostgreSQL"].ok is None  # few plans want it
    assert "postgresql" in (found["private PostgreSQL"].cure or "")


@pytest.mark.database
def test_round_trip_has_as_many_samples_as_asked_for(database: DatabaseServer) -> None:
    url = database.administrator.url()
    before = database.statement_counters()["select"]
    trip = doctor.round_trip(url, count=30)
    assert database.statement_counters()["select"] - before == 30 + doctor.WARM_UPS
    assert trip.count == 30
    assert 0 < trip.p50_ms <= trip.p95_ms <= trip.p99_ms


@pytest.mark.database
def test_database_that_can_be_used_is_described(database: DatabaseServer) -> None:
    usable, tls = doctor.database_checks(database.administrator.url())
    assert usable.ok is True
    assert usable.value.startswith(f"{database.flavour} {database.version}")
    assert (tls.ok, tls.value) == (True, "off")


def test_unreachable_database_is_a_check_with_a_cure_and_has_no_round_trip() -> None:
    url = "mysql://somebody:x@127.0.0.1:1/"
    (check,) = doctor.database_checks(url)
    assert check.ok is False
    assert check.cure == "check host and port, and that the server is up"
    with pytest.raises(EnvironmentLacking, match="Can't connect"):
        doctor.round_trip(url)
