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


def test_the_known_arms_keep_their_colours_whoever_else_runs() -> None:
    alone = palette.of_arms(["async"])
    among_others = palette.of_arms(["zeta", "sync", "async", "sync#2"])
    assert alone["async"] == among_others["async"]
    assert len(set(among_others.values())) == 4


def test_black_on_white_has_the_contrast_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colour", [*palette.of_arms(["blocking", "sync", "async", *"abcd"]).values()])
def test_an_arms_colour_is_readable_as_text_in_light_and_dark(colour: Colour) -> None:
    paper = palette.PAGE["paper"]
    assert contrast(colour.light, paper.light) >= 4.5
    assert contrast(colour.dark, paper.dark) >= 4.5


@pytest.mark.parametrize("role", ["ink", "muted", "claim", "alert"])
def test_the_pages_text_is_readable_in_light_and_dark(role: str) -> None:
    colour, paper = palette.PAGE[role], palette.PAGE["paper"]
    assert contrast(colour.light, paper.light) >= 4.5
    assert contrast(colour.dark, paper.dark) >= 4.5
