import pytest

from gainbench.report import palette
from gainbench.report.palette import Colour


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def test_an_arm_has_the_colour_the_plan_says_whoever_else_runs() -> None:
    among_others = palette.of_arms({"zeta": None, "sync": "vermillion", "async": "green"})
    assert among_others == {
        "zeta": palette.ARMS["blue"],
        "sync": palette.ARMS["vermillion"],
        "async": palette.ARMS["green"],
    }


def test_arms_of_which_nothing_is_said_are_coloured_in_their_order() -> None:
    found = palette.of_arms({"new": None, "old": None, "between": None})
    assert list(found.values()) == list(palette.ARMS.values())[:3]


def test_of_two_arms_that_want_one_colour_the_second_gets_another() -> None:
    found = palette.of_arms({"sync": "blue", "sync#2": "blue"})
    assert found == {"sync": palette.ARMS["blue"], "sync#2": palette.ARMS["vermillion"]}


def test_more_arms_than_colours_share_them() -> None:
    found = palette.of_arms({"first": "grey", **dict.fromkeys("abcdefgh")})
    assert len(found) == 9
    assert len(set(found.values())) == len(palette.ARMS) == 7


def test_black_on_white_has_the_contrast_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colour", [*palette.ARMS.values()])
def test_an_arms_colour_is_readable_as_text_in_light_and_dark(colour: Colour) -> None:
    paper = palette.PAGE["paper"]
    assert contrast(colour.light, paper.light) >= 4.5
    assert contrast(colour.dark, paper.dark) >= 4.5


@pytest.mark.parametrize("role", ["ink", "muted", "claim", "alert"])
def test_the_pages_text_is_readable_in_light_and_dark(role: str) -> None:
    colour, paper = palette.PAGE[role], palette.PAGE["paper"]
    assert contrast(colour.light, paper.light) >= 4.5
    assert contrast(colour.dark, paper.dark) >= 4.5
