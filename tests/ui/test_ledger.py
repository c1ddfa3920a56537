"""What the pages say of a sitting, from blocks whose rates are known."""

from gainbench.records import Collapse
from gainbench.ui.ledger import Ledger
from gainbench.ui.protocol import Start
from tests.runs import block, cell, plan

ORDER = Start(users=4, spawn_rate=4.0, scenario="read-list", mode="interleaved", rtt_ms=0.1)


def ledger(stretches: int) -> Ledger:
    book = Ledger(plan(), pinned=True)
    book.begin(1, ORDER, cell())
    for stretch in range(stretches):
        book.add(cell(), block(stretch, stretch, cell(), 10.0 * stretch))
    return book


def test_a_first_stretch_gives_a_gain_without_an_interval() -> None:
    figures = ledger(1).figures(cell())
    assert figures.headline == "+40.0 % (no interval yet)"
    assert [row.gain for row in figures.rows] == [
        "baseline",
        "+30.0 % (no interval yet)",
        "+40.0 % (no interval yet)",
    ]


def test_the_interval_narrows_from_stretch_to_stretch() -> None:
    widths = [
        point.high - point.low
        for point in ledger(6).figures(cell()).gains
        if point.low is not None and point.high is not None
    ]
    assert len(widths) == 5
    assert widths[-1] < widths[0]


def test_a_collapsed_arm_leaves_no_gain_behind() -> None:
    book = ledger(2)
    gone = Collapse(
        trial=2, cell=cell().key, arm="async", state="collapsed", started=30.0, reason="no answer"
    )
    book.add(cell(), gone)
    figures = book.figures(cell())
    assert figures.headline == "collapsed"
    assert [entry.gain for entry in figures.history] == ["collapsed"]
    assert figures.rows[2].throughput == "collapsed"
    assert figures.rows[1].gain.startswith("+30.0 %")


def test_the_headline_is_the_condition_with_the_most_blocks() -> None:
    book = ledger(1)
    slow = cell(0.4, headline=False)
    for number in (1, 2):
        book.add(slow, block(number, number, slow, 10.0 * number))
    assert {one.rtt_ms: one.headline for one in book.cells} == {0.1: False, 0.4: True}


def test_a_condition_left_before_its_first_block_is_no_part_of_the_history() -> None:
    book = Ledger(plan(), pinned=True)
    for run in (1, 2):
        book.begin(run, ORDER, cell())
    book.add(cell(), block(0, 0, cell(), 0.0))
    assert [entry.run for entry in book.figures(cell()).history] == [2]
