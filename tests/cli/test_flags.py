"""The table of a plan's flags."""

import dataclasses

from gainbench.cli.flags import PLAN_FLAGS
from gainbench.plan.flags import Flags


def test_the_table_has_one_row_for_each_field_of_the_flags() -> None:
    assert [flag.field for flag in PLAN_FLAGS] == [field.name for field in dataclasses.fields(Flags)]


def test_a_flag_that_is_not_given_leaves_the_plan_files_word() -> None:
    assert Flags(**{flag.field: flag.value(None) for flag in PLAN_FLAGS}) == Flags()


def test_no_pin_is_the_one_flag_that_turns_something_off() -> None:
    (pin,) = (flag for flag in PLAN_FLAGS if flag.field == "pin")
    assert pin.value(True) is False
