"""Each claim's verdict can be other than it is: figures that confirm, refute and leave it open."""

from collections.abc import Mapping
from typing import Any

import pytest

from gainbench.errors import ConfigurationError
from gainbench.experiments.claims.claim import all_claims, chosen
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


@pytest.mark.parametrize(
    ("sync", "async_", "processes", "verdict"),
    [
        (1.0, 1.0, 0.55, "confirmed"),
        (1.0, 0.5, 0.5, "refuted"),
        (1.0, 1.0, 1.05, "depends"),
        (1.0, 1.0, 1.6, "refuted"),
    ],
)
def test_what_helps_those_who_compute(sync: float, async_: float, processes: float, verdict: str) -> None:
    figures = {"sync": sync, "async": async_, "processes": processes}
    assert word("cpu-no-gain", figures=figures)[0] == verdict


@pytest.mark.parametrize(
    ("threads", "processes", "verdict", "why"),
    [
        (0.55, 0.6, "confirmed", "side by side"),
        (1.0, 0.6, "refuted", "Processes is what helps"),
        (1.0, 1.1, "refuted", "as long as one"),
    ],
)
def test_threads_do_not_compute_side_by_side(
    threads: float, processes: float, verdict: str, why: str
) -> None:
    found, said = word("threads-for-cpu", figures={"inline": 1.0, "thread": threads, "process": processes})
    assert found == verdict
    assert why.replace("Processes is", "Processes are") in said


@pytest.mark.parametrize(
    ("each", "shared", "verdict"),
    [
        ((50, 51, 49), (90, 91, 89), "confirmed"),
        ((90, 91, 89), (50, 51, 49), "refuted"),
        ((50, 90, 70), (60, 85, 72), "not shown"),
    ],
)
def test_a_client_is_worth_sharing_or_not(
    each: tuple[float, ...], shared: tuple[float, ...], verdict: str
) -> None:
    figures = {f"per-request.{at}": float(rate) for at, rate in enumerate(each)}
    figures |= {f"shared.{at}": float(rate) for at, rate in enumerate(shared)}
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
    found = all_claims()[claim].judge(Evidence(texts={"told": "SomeError: no (Background on this at x)"}))
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


@pytest.mark.parametrize(("whole", "verdict"), [(0.905, "confirmed"), (0.8, "refuted"), (1.4, "not shown")])
def test_computing_delays_those_who_wait(whole: float, verdict: str) -> None:
    assert word("cpu-in-coroutine", figures={"all": whole})[0] == verdict


@pytest.mark.parametrize(
    ("place", "thread", "verdict"),
    [(0.3, 0.006, "confirmed"), (0.3, 0.29, "refuted"), (0.01, 0.006, "not shown")],
)
def test_a_thread_keeps_the_loop_going(place: float, thread: float, verdict: str) -> None:
    assert word("to-thread", figures={"place": place, "thread": thread})[0] == verdict
