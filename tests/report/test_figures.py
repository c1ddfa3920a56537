import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gainbench.report import palette
from gainbench.report.figures import answer, curve, latency, settling, throughput, timeline
from gainbench.report.figures.canvas import Picture
from gainbench.store.results import EarlierFigures
from tests.report import cases
from tests.report.cases import Case
from tests.report.conftest import Reported


@pytest.fixture(scope="module")
def pictures(full: Case) -> list[Picture]:
    run, results = full
    drawn = [
        answer.picture(results),
        curve.picture(results),
        throughput.picture(results),
        timeline.picture(run),
        latency.picture(run),
        settling.picture(results),
    ]
    return [picture for picture in drawn if picture is not None]


@pytest.fixture(scope="module")
def drawings(pictures: list[Picture]) -> dict[str, str]:
    """Every figure of a full run, wide and narrow."""
    wide = {picture.name: picture.svg() for picture in pictures}
    return wide | {f"{picture.name}, narrow": picture.svg(narrow=True) for picture in pictures}


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_full_run_has_every_figure(pictures: list[Picture]) -> None:
    assert [picture.name for picture in pictures] == [
        "answer",
        "curve",
        "throughput",
        "timeline",
        "latency",
        "settling",
    ]


def test_round_trips_too_near_to_be_read_share_a_label(full: Case) -> None:
    places = (0.20, 0.21, 0.22, 0.60, 1.00)
    moved = [
        line.model_copy(
            update={
                "points": tuple(
                    point.model_copy(update={"wait_ratio": place})
                    for point, place in zip(line.points, places, strict=True)
                )
            }
        )
        for line in full.results.curves
    ]
    drawn = curve.picture(full.results.model_copy(update={"curves": tuple(moved)}))
    assert drawn is not None
    shown = texts(drawn.svg())
    assert {"0–0.2", "0.4", "0.8"} <= set(shown)
    assert "0.1" not in shown


def test_no_two_drawings_share_an_id_and_every_reference_finds_its_target(drawings: dict[str, str]) -> None:
    page = "".join(drawings.values())
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', page)) <= set(ids)


def test_every_drawing_has_a_name_and_a_description(
    pictures: list[Picture], drawings: dict[str, str]
) -> None:
    for picture in pictures:
        svg = ET.fromstring(drawings[picture.name].replace("xlink:", ""))
        label, description = (svg.attrib["aria-labelledby"]).split()
        found = {element.attrib.get("id"): element.text for element in svg.iter()}
        assert svg.attrib["role"] == "img"
        assert found[label] == picture.title
        assert found[description] == picture.description


def test_drawings_bring_no_colours_of_their_own(drawings: dict[str, str]) -> None:
    for svg in drawings.values():
        assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set()
        assert "var(--" in svg


def test_text_stays_text(drawings: dict[str, str]) -> None:
    drawn = {name: texts(svg) for name, svg in drawings.items()}
    assert "async over blocking  +40.0 %" in drawn["answer"]
    assert "published +38 %" in drawn["curve"]
    assert "wait ratio 0.37" in drawn["curve"]
    assert {"0", "0.1", "0.2", "0.4", "0.8"} <= set(drawn["curve"])
    assert {"p50", "p90", "p99", "p99.9", "blocking", "sync", "async"} <= set(drawn["latency"])


def test_the_same_run_draws_the_same_bytes(full: Case) -> None:
    first, second = (curve.picture(full.results) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.svg() == second.svg()


def test_a_figure_stands_alone_with_its_colours_for_light_and_dark(full: Case) -> None:
    drawn = curve.picture(full.results)
    assert drawn is not None
    svg = drawn.standalone(palette.variables({name: arm.colour for name, arm in full.results.arms.items()}))
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme:dark" in svg
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", svg))
    assert used
    assert all(f"{variable}:#" in svg for variable in used)
    assert "http" not in svg.replace("http://www.w3.org/", "")


def test_dropped_combs_are_marked_in_the_time_line(tmp_path: Path, full: Case) -> None:
    clean, marred = timeline.picture(full.run), timeline.picture(cases.all_dropped(tmp_path).run)
    assert clean is not None
    assert marred is not None
    assert clean.description == "384 turns of 3 arms in 64 combs, 0 of them dropped."
    assert marred.description == "36 turns of 3 arms in 6 combs, 3 of them dropped."


def test_a_collapsed_arm_is_named_where_its_throughput_would_be(tmp_path: Path) -> None:
    drawn = throughput.picture(cases.collapsed(tmp_path).results)
    assert drawn is not None
    assert "collapsed" in texts(drawn.svg())


def test_a_collapse_is_marked_on_the_time_line_of_its_arm(tmp_path: Path) -> None:
    drawn = timeline.picture(cases.collapsed(tmp_path).run)
    assert drawn is not None
    assert texts(drawn.svg()).count("collapsed") == 1
    assert drawn.description.endswith("blocking collapsed after 0.1 minutes.")


def test_an_interval_of_two_trials_does_not_stretch_the_axis_of_the_headline(full: Case) -> None:
    """It runs off the figure, with an arrow; the ticks are those of the gains."""
    cell = full.results.headline_cell
    assert cell is not None
    wide = tuple(
        found if found.headline else found.model_copy(update={"low": -0.9, "high": 30.0})
        for found in cell.comparisons
    )
    stretched = full.results.model_copy(update={"cells": (cell.model_copy(update={"comparisons": wide}),)})
    before, after = (answer.picture(one) for one in (full.results, stretched))
    assert before is not None
    assert after is not None
    ticks = [text for text in texts(before.svg()) if text.endswith("%")]
    assert [text for text in texts(after.svg()) if text.endswith("%")] == ticks


def test_an_unresolved_gain_is_called_so_in_the_figure_too(tmp_path: Path) -> None:
    drawn = answer.picture(cases.unresolved(tmp_path).results)
    assert drawn is not None
    assert "async over sync  not resolved" in texts(drawn.svg())


def test_an_earlier_run_is_a_mark_that_the_axis_explains(full: Case) -> None:
    before = EarlierFigures(
        run="20261120T000000Z-bench",
        gain=0.3,
        low=0.25,
        high=0.35,
        change=0.07,
        change_low=0,
        change_high=0.1,
    )
    drawn = answer.picture(full.results.model_copy(update={"earlier": before}))
    assert drawn is not None
    assert any("a diamond: the earlier run" in text for text in texts(drawn.svg()))


def test_figures_of_a_crowd_show_the_headline_and_what_there_is_room_for(reported: Reported) -> None:
    run, results = reported(cases.crowded)
    served, gains, tails = throughput.picture(results), answer.picture(results), latency.picture(run)
    assert served is not None
    assert gains is not None
    assert tails is not None
    assert served.height_px < 2000
    assert throughput.left_out(results) == 40 - 5
    assert gains.height_px < 600
    assert tails.description.count(": p99") == 7


def test_a_tail_is_drawn_only_as_far_as_the_requests_reach(tmp_path: Path) -> None:
    few = cases.one_trial(tmp_path)
    drawn = latency.picture(few.run)
    assert drawn is not None
    # 500 requests: the last of them is the 0.998 quantile, which lies before p99.9.
    assert max(nines for nines, _ in latency.quantiles(few.run, "new-api")) == pytest.approx(2.6)


def test_without_figures_nothing_is_drawn(tmp_path: Path) -> None:
    run, results = cases.nothing_measured(tmp_path)
    assert answer.picture(results) is None
    assert curve.picture(results) is None
    assert throughput.picture(results) is None
    assert timeline.picture(run) is None
    assert latency.picture(run) is None
    assert settling.picture(results) is None


def test_the_profile_of_the_turns_is_described_arm_by_arm(full: Case) -> None:
    drawn = settling.picture(full.results)
    assert drawn is not None
    level = ", ".join(["1.00"] * 20)
    assert drawn.description == f"blocking: {level}; sync: {level}; async: {level}"
    assert "ms since the gate opened" in texts(drawn.svg())
