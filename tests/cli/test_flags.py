"""The table of a plan's flags."""

import dataclasses

from gainbench.cli.flags import PLAN_FLAGS
from gainbench.plan.flags import Flags, spelt
from tests.cli.conftest import Command


def test_the_table_has_one_row_for_each_field_of_the_flags() -> None:
    assert [flag.field for flag in PLAN_FLAGS] == [field.name for field in dataclasses.fields(Flags)]


def test_a_flag_that_is_not_given_leaves_the_plan_files_word() -> None:
    assert Flags(**{flag.field: flag.value(None) for flag in PLAN_FLAGS}) == Flags()


def test_no_pin_is_the_one_flag_that_turns_something_off() -> None:
    (pin,) = (flag for flag in PLAN_FLAGS if flag.field == "pin")
    assert pin.value(True) is False


def test_a_command_offers_the_flags_that_mean_something_to_it_and_no_others(gainbench: Command) -> None:
    bench, up = gainbench("bench", "--help").stdout, gainbench("up", "--help").stdout
    for flag in PLAN_FLAGS:
        assert f"{spelt(flag.field)} " in bench
    assert "--arms " in up
    assert "--precision " not in up
    assert gainbench("up", "--precision", "2%").status == 2


def test_the_help_is_in_groups_and_ends_with_an_example_and_the_exit_statuses(gainbench: Command) -> None:
    told = " ".join(gainbench("bench", "--help").stdout.split())
    for part in ("What is measured", "How long, and how sure", "Example: gainbench bench", "3 no valid"):
        assert part in told
