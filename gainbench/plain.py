"""Text that comes from elsewhere, made safe to show: without what a terminal would obey."""

import re

# All control characters but the line's end and the tab, those of eight bits too.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """The text with a mark where a control character stood."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
