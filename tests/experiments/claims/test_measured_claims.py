"""Claims that rest on benches, on ODBC, on what waits for ever: each verdict can be other than it is."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gainbench.experiments.claims.claim import all_claims
from gainbench.store.records import Evidence


def word(claim: str, **evidence: Any) -> tuple[str, str]:
    judged = all_claims()[claim].judge(Evidence(**evidence))
    return judged.verdict, judged.why


USERS, ROUND_TRIPS_MS = (1, 8, 32), (0.1, 0.5, 2.0)


def gains(of: Callable[[int, float], int], by_baseline: Mapping[str, tuple[float, ...]]) -> dict[str, float]:
    """Over each baseline three gains, by place on one of the axes."""
    figures: dict[str, float] = {}
    for baseline, values in by_baseline.items():
        for users in USERS:
            for rtt_ms in ROUND_TRIPS_MS:
                gain = values[of(users, rtt_ms)]
                place = f"{baseline}.{users}.{rtt_ms:g}"
                figures |= {place: gain, f"{place}.low": gain - 0.03, f"{place}.high": gain + 0.03}
    return figures


def along_users(**by_baseline: tuple[float, ...]) -> dict[str, float]:
    return gains(lambda users, _: USERS.index(users), by_baseline)


def along_round_trips(**by_baseline: tuple[float, ...]) -> dict[str, float]:
    return gains(lambda _, rtt_ms: ROUND_TRIPS_MS.index(rtt_ms), by_baseline)


GROWS, LEVEL, FALLS = (0.1, 0.3, 0.6), (0.2, 0.2, 0.2), (0.4, 0.2, 0.1)


@pytest.mark.parametrize(
    ("claim", "figures", "verdict"),
    [
        ("more-users-more-gain", along_users(blocking=GROWS, sync=GROWS), "confirmed"),
        ("more-users-more-gain", along_users(blocking=GROWS, sync=LEVEL), "depends"),
        ("more-users-more-gain", along_users(blocking=LEVEL, sync=FALLS), "refuted"),
        ("more-users-more-gain", {}, "not shown"),
        ("slower-db-more-gain", along_round_trips(blocking=GROWS, sync=GROWS), "confirmed"),
        ("slower-db-more-gain", along_round_trips(blocking=GROWS, sync=LEVEL), "depends"),
        ("slower-db-more-gain", along_round_trips(blocking=FALLS, sync=FALLS), "refuted"),
        ("slower-db-more-gain", along_users(blocking=GROWS, sync=GROWS), "refuted"),
    ],
)
def test_a_gain_grows_where_the_intervals_of_both_ends_lie_apart(
    claim: str, figures: dict[str, float], verdict: str
) -> None:
    assert word(claim, figures=figures)[0] == verdict


CURVE = {"blocking.0": 0.1, "blocking.0.8": 0.7, "sync.0": 0.05, "sync.0.8": 0.1}


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("reproduced", "confirmed"),
        ("not reproduced", "refuted"),
        ("unresolved", "not shown"),
        (None, "not shown"),
    ],
)
def test_the_published_gain_is_judged_as_in_any_bench(verdict: str | None, expected: str) -> None:
    texts = {} if verdict is None else {"verdict": verdict}
    assert word("book-38", figures={**CURVE, "at": 0.4}, texts=texts)[0] == expected


def test_whether_threads_come_near_the_published_gain_is_told() -> None:
    texts = {"verdict": "reproduced"}
    assert "it is less" in word("book-38", figures=CURVE, texts=texts)[1]
    assert "come near it too" in word("book-38", figures={**CURVE, "sync.0.8": 0.5}, texts=texts)[1]


def costs(
    sync: tuple[float, ...], async_: tuple[float, ...], memory: tuple[float, float]
) -> dict[str, float]:
    figures = {f"sync.{at}": one for at, one in enumerate(sync)}
    figures |= {f"async.{at}": one for at, one in enumerate(async_)}
    return figures | {"memory.sync": memory[0], "memory.async": memory[1]}


LESS, MORE, SAME = (0.7, 0.71, 0.69), (1.4, 1.41, 1.39), (1.0, 1.01, 0.99)


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (costs(SAME, LESS, (100, 80)), "confirmed"),
        (costs(SAME, MORE, (100, 120)), "refuted"),
        (costs(SAME, LESS, (100, 120)), "depends"),
        (costs(SAME, SAME, (100, 80)), "depends"),
        ({}, "not shown"),
    ],
)
def test_fewer_workers_needs_both_less_cpu_and_less_memory(figures: dict[str, float], verdict: str) -> None:
    assert word("fewer-workers", figures=figures)[0] == verdict


def limited(**figures: tuple[float, float]) -> dict[str, float]:
    """Errors and p99, alike at both loads."""
    return {
        f"{name.rstrip('_')}.{overload}.{what}": value
        for name, pair in figures.items()
        for overload in (2, 16)
        for what, value in zip(("errors", "p99"), pair, strict=True)
    }


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (limited(with_=(0.0, 0.3), without=(0.4, 0.2)), "confirmed"),
        (limited(with_=(0.0, 0.2), without=(0.0, 0.9)), "confirmed"),
        (limited(with_=(0.3, 1.1), without=(0.0, 0.2)), "refuted"),
        (limited(with_=(0.3, 0.1), without=(0.0, 0.2)), "depends"),
    ],
)
def test_a_semaphore_helps_where_more_are_answered_or_sooner(figures: dict[str, float], verdict: str) -> None:
    assert word("semaphore", figures=figures)[0] == verdict


def stuck(*names: str) -> dict[str, float]:
    known = ("threads", "coroutines", "nested", "stopped.blocking", "stopped.sync", "stopped.async")
    return {name: float(name in names) for name in known}


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (stuck("coroutines", "nested"), "confirmed"),
        (stuck("coroutines", "threads", "nested"), "depends"),
        (stuck("coroutines", "stopped.sync"), "depends"),
        (stuck("threads", "stopped.sync"), "refuted"),
        (stuck(), "refuted"),
    ],
)
def test_who_waits_for_ever(figures: dict[str, float], verdict: str) -> None:
    assert word("deadlock", figures=figures)[0] == verdict


def odbc(threads: tuple[float, ...], aioodbc: tuple[float, ...], own: float = 8) -> dict[str, float]:
    figures = {f"threads.{at}": one for at, one in enumerate(threads)}
    return figures | {f"aioodbc.{at}": one for at, one in enumerate(aioodbc)} | {"own threads": own}


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (odbc(SAME, LESS), "confirmed"),
        (odbc(SAME, MORE), "refuted"),
        (odbc(SAME, (0.4, 1.6, 1.0)), "not shown"),
    ],
)
def test_odbc_is_held_against_threads_of_one_s_own(figures: dict[str, float], verdict: str) -> None:
    assert word("odbc-async", figures=figures)[0] == verdict
