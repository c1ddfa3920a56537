"""What the pages say of a sitting, from combs whose rates are known."""

from dataclasses import replace

from gainbench.store.records import Collapse
from gainbench.ui.ledger import Ledger
from gainbench.ui.protocol import Start
from tests.runs import cell, changed, comb, plan

ORDER = Start(users=4, spawn_rate=4.0, scenario="read-list", mode="interleaved", rtt_ms=0.1)


def ledger(stretches: int) -> Ledger:
    book = Ledger(plan(), pinned=True)
    book.begin(1, ORDER, cell())
    for stretch in range(stretches):
        book.add(cell(), comb(stretch, stretch, cell(), 10.0 * stretch))
    return book


def test_a_first_stretch_gives_a_gain_without_an_interval() -> None:
    figures = ledger(1).figures(cell(), "interleaved")
    assert figures.headline == "+40.0 % (no interval yet)"
    assert [row.gain for row in figures.rows] == [
        "baseline",
        "+30.0 % (no interval yet)",
        "+40.0 % (no interval yet)",
    ]


def test_the_interval_narrows_from_stretch_to_stretch() -> None:
    widths = [
        point.high - point.low
        for point in ledger(6).figures(cell(), "interleaved").gains
        if point.low is not None and point.high is not None
    ]
    assert len(widths) == 4  # from the third stretch on
    assert widths[-1] < widths[0]


def test_a_collapsed_arm_leaves_no_gain_behind() -> None:
    book = ledger(2)
    gone = Collapse(
        trial=2, cell=cell().key, arm="async", state="collapsed", started=30.0, reason="no answer"
    )
    book.add(cell(), gone)
    figures = book.figures(cell(), "interleaved")
    assert figures.headline == "collapsed"
    assert [entry.gain for entry in figures.history] == ["collapsed"]
    assert figures.rows[2].throughput == "collapsed"
    assert figures.rows[1].gain.startswith("+30.0 %")


def test_the_headline_is_the_condition_with_the_most_combs() -> None:
    book = ledger(1)
    slow = cell(0.4, headline=False)
    for number in (1, 2):
        book.add(slow, comb(number, number, slow, 10.0 * number))
    assert {one.rtt_ms: one.headline for one in book.cells} == {0.1: False, 0.4: True}


def test_a_condition_left_before_its_first_comb_is_no_part_of_the_history() -> None:
    book = Ledger(plan(), pinned=True)
    for run in (1, 2):
        book.begin(run, ORDER, cell())
    book.add(cell(), comb(0, 0, cell(), 0.0))
    assert [entry.run for entry in book.figures(cell(), "interleaved").history] == [2]


def test_what_an_arm_does_alone_is_no_part_of_what_it_does_in_turn() -> None:
    book = ledger(2)
    before = book.figures(cell(), "interleaved").rows
    book.begin(2, replace(ORDER, mode="async"), cell())
    book.add(cell(), comb(2, 2, cell(0.4), 20.0, arms=("async",)))
    assert book.figures(cell(), "interleaved").rows == before
    *others, alone = book.figures(cell(), "async").rows
    assert {row.throughput for row in others} == {"n/a"}
    assert alone.throughput not in ("n/a", before[2].throughput)
    assert alone.gain == "n/a"
    assert [one.key for one in book.cells] == [cell().key]


def test_a_gain_under_a_broken_rule_says_so_wherever_it_stands() -> None:
    book = Ledger(plan(), pinned=True)
    book.begin(1, ORDER, cell())
    book.add(cell(), changed(comb(0, 0, cell(), 0.0), "async", load={"failures": {"HTTP 500": 20}}))
    figures = book.figures(cell(), "interleaved")
    for gain in (figures.rows[2].gain, figures.history[0].gain):
        assert gain == "+40.0 % (no interval yet), not to be used: errors"


def test_combs_with_too_short_a_guard_leave_the_figures_when_longer_ones_come() -> None:
    slow = {"blocking": 1000.0, "sync": 1100.0, "async": 1200.0}
    short = comb(1, 1, cell(), 10.0, rates_rps=slow)
    book = Ledger(plan(), pinned=True)
    book.begin(1, ORDER, cell())
    book.add(cell(), short)
    longer = comb(2, 2, cell(), 20.0, rates_rps={"blocking": 1000.0, "sync": 1300.0, "async": 1400.0})
    turns = tuple(turn.model_copy(update={"guard_seconds": 0.15}) for turn in longer.turns)
    book.add(cell(), longer.model_copy(update={"turns": turns}))
    assert book.figures(cell(), "interleaved").headline == "+40.0 % (no interval yet)"


def test_asking_for_the_combs_of_a_condition_makes_it_no_part_of_the_sitting() -> None:
    book = ledger(1)
    assert book.combs_of(cell(0.4), "interleaved") == []
    assert len(book.combs_of(cell(), "interleaved")) == 1
    assert [one.rtt_ms for one in book.cells] == [0.1]


def test_a_note_beyond_its_limit_is_neither_green_nor_red() -> None:
    book = Ledger(plan(), pinned=True)
    book.begin(1, ORDER, cell())
    whole = comb(0, 0, cell(), 0.0)
    slow = {"turnaround_seconds": 0.2 * 4 * whole.seconds_of("async")}  # a fifth of the users' time
    book.add(cell(), changed(whole, "async", load=slow))
    figures = book.figures(cell(), "interleaved")
    (lamp,) = (lamp for lamp in figures.lamps if lamp.rule == "generator's turnaround")
    assert lamp.ok is None
    assert lamp.text.endswith("worth a look, breaks nothing")
    assert "not to be used" not in figures.rows[2].gain
