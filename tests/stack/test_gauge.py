"""The gauge of the arms' core, as a real process."""

from gainbench.stack.gauge import Gauge
from gainbench.stack.supervisor import Supervisor
from tests.stack.survivors import wait_until


def test_the_gauge_reports_what_its_work_took_between_two_readings(supervisor: Supervisor) -> None:
    gauge = Gauge.start(supervisor, cores={0})
    try:
        wait_until(lambda: gauge.read().count > 0, "the gauge has not worked yet")
        earlier = gauge.read()
        wait_until(lambda: gauge.read().count >= earlier.count + 5, "the gauge has stopped working")
        took = gauge.read().mean_us_since(earlier)
        assert took is not None
        assert took > 1
        assert earlier.mean_us_since(earlier) is None
    finally:
        gauge.stop()
