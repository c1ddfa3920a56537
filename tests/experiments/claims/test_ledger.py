"""Each claim's verdict can be other than it is: figures that confirm, refute and leave it open."""

from collections.abc import Mapping
from typing import Any

import pytest

from gainbench.errors import ConfigurationError
from gainbench.experiments.claims.claim import all_claims, chosen
from gainbench.experiments.claims.rounds import speedup
from gainbench.store.records import Evidence


def word(claim: str, **evidence: Any) -> tuple[str, str]:
    judged = all_claims()[claim].judge(Evidence(**evidence))
    return judged.verdict, judged.why


def waits(blocking: float, sync: float, async_: float) -> Mapping[str, float]:
    return {"blocking": blocking, "sync": sync, "async": async_}


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (waits(0.45, 0.48, 0.01), "confirmed"),
        (waits(0.45, 0.01, 0.01), "depends"),
        (waits(0.02, 0.01, 0.01), "refuted"),
    ],
)
def test_a_blocking_query_stops_others_where_it_stands_in_the_loop(
    figures: Mapping[str, float], verdict: str
) -> None:
    assert word("blocking-query", figures=figures)[0] == verdict


@pytest.mark.parametrize(
    ("figures", "verdict", "why"),
    [
        (waits(0.45, 0.48, 0.01), "confirmed", "as they did not with the blocking driver"),
        (waits(0.45, 0.01, 0.01), "confirmed", "in `def` handlers they do so, too"),
        (waits(0.45, 0.01, 0.4), "refuted", "They waited"),
    ],
)
def test_an_async_query_lets_others_go_on(figures: Mapping[str, float], verdict: str, why: str) -> None:
    found, said = word("await-frees-loop", figures=figures)
    assert found == verdict
    assert why in said


def bursts(blocking: float, sync: float, async_: float) -> dict[str, float]:
    """What a hundred took, where one took a tenth of a second."""
    ones = {f"{arm}.1": 0.1 for arm in ("blocking", "sync", "async")}
    return ones | {"blocking.100": blocking, "sync.100": sync, "async.100": async_}


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (bursts(10, 9.5, 0.15), "confirmed"),
        (bursts(10, 0.3, 0.15), "depends"),
        (bursts(0.2, 0.3, 0.15), "refuted"),
        (bursts(10, 0.3, 5), "refuted"),
    ],
)
def test_who_answers_a_hundred_waits_one_after_another(figures: dict[str, float], verdict: str) -> None:
    assert word("sleep-table", figures=figures)[0] == verdict


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (waits(3.9, 0.01, 0.01), "confirmed"),
        (waits(3.9, 0.4, 0.01), "refuted"),
        (waits(0.01, 0.01, 0.01), "not shown"),
    ],
)
def test_def_handlers_leave_the_loop_alone(figures: Mapping[str, float], verdict: str) -> None:
    assert word("def-uses-threads", figures=figures)[0] == verdict


@pytest.mark.parametrize(
    ("at_once", "in_turn", "verdict"),
    [(0.305, 0.71, "confirmed"), (0.7, 0.71, "refuted"), (0.45, 0.71, "not shown")],
)
def test_waits_at_once_cost_the_longest(at_once: float, in_turn: float, verdict: str) -> None:
    figures = {"async.concurrent": at_once, "async.sequential": in_turn}
    assert word("gather-max", figures=figures)[0] == verdict


def rounds(**seconds: tuple[float, ...]) -> dict[str, float]:
    """Times by name and round; a name's blank is written as a low line."""
    return {
        f"{name.replace('_', ' ')}.{at}": one
        for name, times in seconds.items()
        for at, one in enumerate(times)
    }


EVEN, TWICE, UNEVEN = (1.0, 1.02, 0.98), (0.5, 0.51, 0.49), (0.4, 1.6, 1.0)


@pytest.mark.parametrize(
    ("at_once", "processes", "verdict"),
    [
        (EVEN, TWICE, "confirmed"),
        (TWICE, TWICE, "refuted"),
        (EVEN, EVEN, "depends"),
        (UNEVEN, TWICE, "not shown"),
        (EVEN, UNEVEN, "not shown"),
    ],
)
def test_what_helps_those_who_compute(
    at_once: tuple[float, ...], processes: tuple[float, ...], verdict: str
) -> None:
    figures = rounds(in_turn=(1.0, 1.0, 1.0), at_once=at_once, processes=processes)
    assert word("cpu-no-gain", figures=figures)[0] == verdict


@pytest.mark.parametrize(
    ("threads", "processes", "verdict", "why"),
    [
        (TWICE, EVEN, "confirmed", "side by side"),
        (EVEN, TWICE, "refuted", "Processes are what helps"),
        (EVEN, EVEN, "refuted", "as long as one"),
        (UNEVEN, TWICE, "not shown", "too uneven"),
    ],
)
def test_threads_do_not_compute_side_by_side(
    threads: tuple[float, ...], processes: tuple[float, ...], verdict: str, why: str
) -> None:
    figures = rounds(inline=(1.0, 1.0, 1.0), thread=threads, process=processes)
    found, said = word("threads-for-cpu", figures=figures)
    assert found == verdict
    assert why in said


@pytest.mark.parametrize(
    ("shared", "verdict"), [(TWICE, "confirmed"), ((2.0, 2.1, 1.9), "refuted"), (UNEVEN, "not shown")]
)
def test_a_client_is_worth_sharing_or_not(shared: tuple[float, ...], verdict: str) -> None:
    figures = rounds(**{"per-request": (1.0, 1.0, 1.0), "shared": shared})
    judged = all_claims()["shared-client"].judge(Evidence(figures=figures))
    assert judged.verdict == verdict
    assert (judged.measured is not None) is (verdict != "not shown")


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ((50, 60, 400, 9000), "confirmed"),
        ((50, 200, 1500, 9000), "depends"),
        ((50, 600, 1500, 9000), "refuted"),
        ((50, 60, 1500, 900), "refuted"),
    ],
)
def test_what_a_switch_costs(figures: tuple[float, ...], verdict: str) -> None:
    names = ("call", "coroutine", "loop", "thread")
    assert word("switch-cost", figures=dict(zip(names, figures, strict=True)))[0] == verdict


@pytest.mark.parametrize(("kept", "verdict"), [(1, "refuted"), (1000, "confirmed")])
def test_updates_are_lost_or_not(kept: int, verdict: str) -> None:
    assert word("no-races", figures={"without": kept, "locked": 1000})[0] == verdict


@pytest.mark.parametrize(
    ("claim", "without_error", "with_error"),
    [("driver-mismatch", "confirmed", "refuted"), ("queuepool-async", "refuted", "confirmed")],
)
def test_an_error_is_what_the_claim_says_or_is_not(claim: str, without_error: str, with_error: str) -> None:
    assert word(claim, texts={"told": "no error"})[0] == without_error
    found = all_claims()[claim].judge(Evidence(texts={"told": "SomeError: no"}))
    assert (found.verdict, found.told) == (with_error, "SomeError: no")


def test_every_claim_has_its_words_and_an_unknown_one_is_refused_with_the_choices() -> None:
    for claim in all_claims().values():
        assert claim.says.endswith(".")
        assert claim.claimed
    with pytest.raises(ConfigurationError, match="there is no claim nonsense") as refusal:
        chosen(["nonsense"])
    assert "sleep-table" in str(refusal.value.cure)


def costs(coroutine: tuple[float, float], thread: tuple[float, float]) -> dict[str, float]:
    names = ("coroutine_kib", "coroutine_us", "thread_kib", "thread_us")
    return dict(zip(names, (*coroutine, *thread), strict=True))


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (costs((1.5, 3.0), (12.0, 60.0)), "confirmed"),
        (costs((1.5, 3.0), (4.0, 60.0)), "depends"),
        (costs((9.0, 90.0), (4.0, 60.0)), "refuted"),
    ],
)
def test_what_five_thousand_who_wait_cost(figures: dict[str, float], verdict: str) -> None:
    assert word("light-coroutines", figures=figures)[0] == verdict


@pytest.mark.parametrize(("queue", "verdict"), [(0.215, "confirmed"), (0.3, "refuted"), (0.252, "not shown")])
def test_a_queue_lets_two_overlap(queue: float, verdict: str) -> None:
    assert word("queue", figures={"in_turn": 0.3, "queue": queue})[0] == verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        ((0.905, 0.802, 0.91, 1.31), "confirmed"),
        ((0.8, 0.8, 0.9, 1.3), "refuted"),
        ((0.9, 0.8, 0.9, 0.7), "not shown"),
        ((1.2, 0.8, 0.9, 1.3), "not shown"),
    ],
)
def test_computing_in_a_coroutine_delays_who_waits(seconds: tuple[float, ...], verdict: str) -> None:
    figures = {f"all.{at}": one for at, one in enumerate(seconds)}
    assert word("cpu-in-coroutine", figures=figures)[0] == verdict


@pytest.mark.parametrize(
    ("place", "thread", "verdict"),
    [(0.3, 0.006, "confirmed"), (0.3, 0.29, "refuted"), (0.01, 0.006, "not shown")],
)
def test_a_thread_keeps_the_loop_going(place: float, thread: float, verdict: str) -> None:
    assert word("to-thread", figures={"place": place, "thread": thread})[0] == verdict


@pytest.mark.parametrize(
    ("lazy", "expired", "kept", "verdict"),
    [
        ("MissingGreenlet", "MissingGreenlet", "no error", "confirmed"),
        ("no error", "no error", "no error", "refuted"),
        ("MissingGreenlet", "no error", "no error", "depends"),
    ],
)
def test_attributes_are_loaded_when_touched_or_not(lazy: str, expired: str, kept: str, verdict: str) -> None:
    assert word("lazy-loading", texts={"lazy": lazy, "expired": expired, "kept": kept})[0] == verdict


@pytest.mark.parametrize(
    ("rows", "out", "warned", "verdict", "why"),
    [
        (0, 1, 2, "confirmed", "Python warns"),
        (0, 1, 0, "confirmed", "Nobody warns"),
        (1, 0, 0, "refuted", "all the same"),
        (1, 1, 1, "depends", "One of the two"),
    ],
)
def test_what_is_not_awaited_is_not_done(rows: int, out: int, warned: int, verdict: str, why: str) -> None:
    found, said = word("forgotten-await", figures={"rows": rows, "out": out, "warned": warned})
    assert found == verdict
    assert why in said


@pytest.mark.parametrize(
    ("without", "through", "verdict"),
    [
        ("AttributeError: no", "no error", "confirmed"),
        ("no error", "no error", "refuted"),
        ("AttributeError: no", "Other: no", "refuted"),
    ],
)
def test_tables_are_made_through_run_sync(without: str, through: str, verdict: str) -> None:
    assert word("run-sync-ddl", texts={"without": without, "with": through})[0] == verdict


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ((1, 0.25, 0, 0), "confirmed"),
        ((1, 0.25, 0, 1), "depends"),
        ((1, 0.25, 3, 0), "refuted"),
        ((1, 5.0, 0, 0), "refuted"),
        ((0, 0.25, 0, 0), "refuted"),
    ],
)
def test_a_wait_is_cut_off_and_what_is_left_of_the_connection(
    figures: tuple[float, ...], verdict: str
) -> None:
    names = ("cut", "seconds", "wrong", "failed")
    assert word("timeout", figures=dict(zip(names, figures, strict=True)))[0] == verdict


@pytest.mark.parametrize(
    ("buffered", "streamed", "verdict"),
    [(0.9, 0.9, "confirmed"), (0.9, 0.1, "depends"), (0.4, 0.1, "refuted")],
)
def test_rows_are_there_after_execute_or_not(buffered: float, streamed: float, verdict: str) -> None:
    assert word("fetch-in-memory", figures={"buffered": buffered, "streamed": streamed})[0] == verdict


@pytest.mark.parametrize(
    ("without", "disposed", "verdict"), [(3, 0, "depends"), (0, 0, "refuted"), (3, 3, "refuted")]
)
def test_connections_are_left_or_not(without: int, disposed: int, verdict: str) -> None:
    assert word("dispose", figures={"without": without, "disposed": disposed})[0] == verdict


@pytest.mark.parametrize(
    ("shared", "scoped", "verdict"), [(40, 0, "confirmed"), (0, 0, "not shown"), (40, 3, "refuted")]
)
def test_a_session_is_one_threads_own(shared: int, scoped: int, verdict: str) -> None:
    assert word("session-per-thread", figures={"shared": shared, "scoped": scoped})[0] == verdict


@pytest.mark.parametrize(
    ("plain_wait", "aio_wait", "aio_file", "verdict"),
    [(0.5, 0.01, 0.8, "confirmed"), (0.5, 0.01, 5.0, "depends"), (0.02, 0.015, 0.8, "refuted")],
)
def test_who_waits_for_a_file(plain_wait: float, aio_wait: float, aio_file: float, verdict: str) -> None:
    figures = {"blocking.wait": plain_wait, "async.wait": aio_wait, "blocking.file": 0.5}
    assert word("files-block", figures={**figures, "async.file": aio_file})[0] == verdict


@pytest.mark.parametrize(
    ("loop", "verdict"), [(TWICE, "confirmed"), ((2.0, 2.1, 1.9), "refuted"), (UNEVEN, "not shown")]
)
def test_who_echoes_more(loop: tuple[float, ...], verdict: str) -> None:
    figures = rounds(**{"sync": (1.0, 1.0, 1.0), "async": loop})
    assert word("websocket", figures=figures)[0] == verdict


def test_a_round_that_slows_down_slows_both() -> None:
    gain = speedup(rounds(old=(1.0, 4.0, 2.0), new=(0.5, 2.0, 1.0)), "old", "new")
    assert (gain.gain, gain.low, gain.high) == pytest.approx((1.0, 1.0, 1.0))
