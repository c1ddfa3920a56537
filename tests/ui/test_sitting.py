"""A sitting, with the browser and the servers played by the test."""

import pytest

from gainbench.errors import ConfigurationError
from gainbench.ui.sitting import ui_plan
from tests.runs import plan


@pytest.mark.parametrize(("asked", "value"), [("rate", 150.0), ("slo", 0.05)])
def test_an_open_loop_is_refused_rather_than_run_as_a_closed_one(asked: str, value: float) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ui_plan(plan().model_copy(update={asked: value}))
    assert f"gainbench bench --{asked}" in str(refused.value.cure)
