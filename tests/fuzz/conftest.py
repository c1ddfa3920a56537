"""How long the fuzzing goes on: briefly as a part of the tests, and for minutes under `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
# The same inputs each time: what chance finds is for `make fuzz`, not for somebody else's change.
settings.register_profile(
    "brief", max_examples=60, deadline=None, derandomize=True, suppress_health_check=slow
)
settings.register_profile("long", max_examples=5_000, deadline=None, suppress_health_check=slow)
settings.load_profile(os.environ.get("GAINBENCH_FUZZ", "brief"))
