"""What a running command shows, line by line."""

import io

import pytest
from rich.console import Console

from gainbench.cli.progress import _panel, watching
from gainbench.run.run import Progress
from gainbench.stats.estimate import Gain, estimate_gain


def told(trial: int, done: int, gain: Gain | None = None) -> Progress:
    return Progress(
        stage="read-list", trial=trial, trials=3, combs_done=done, combs_total=6, seconds_left=90.0, gain=gain
    )


def test_a_log_has_a_line_for_each_stage_and_each_trial_with_the_gain_so_far(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, two = estimate_gain([0.3]), estimate_gain([0.33, 0.335, 0.34])
    with watching(quiet=False) as watch:
        watch(Progress(stage="starting the database"))
        for progress in (
            told(1, 0),
            told(1, 1, one),
            told(2, 2, one),
            told(2, 3, two),
            told(3, 4, two),
        ):
            watch(progress)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "starting the database",
        "trial 1/3, 1 min 30 s left",
        "trial 2/3, 1 min 30 s left, gain so far: too few trials for an interval",
        "trial 3/3, 1 min 30 s left, gain so far +39.8 % (+38.1 % to +41.5 %)",
    ]


def test_an_arm_that_stops_is_told_at_once_and_the_trial_has_one_line_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with watching(quiet=False) as watch:
        watch(told(2, 2))
        watch(Progress(stage="read-list", notice="sync collapsed: nobody was served"))
        watch(told(2, 3))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["trial 2/3, 1 min 30 s left", "sync collapsed: nobody was served"]


def test_nothing_is_shown_where_quiet_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(quiet=True) as watch:
        watch(told(1, 0))
    assert capsys.readouterr().err == ""


def test_on_a_terminal_bar_and_words_have_lines_of_their_own_also_without_colours() -> None:
    console = Console(file=io.StringIO(), width=80, no_color=True, force_terminal=True)
    console.print(_panel(told(2, 3, estimate_gain([0.33, 0.335, 0.34]))))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 3
    assert lines[1].strip() == "\u2501" * 20 + "\u00b7" * 20
    assert lines[2].startswith("trial 2/3, 1 min 30 s left, gain so far +39.8 %")
