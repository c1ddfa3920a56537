"""Finding the system's Chromium, for the tests that look at a page as people do."""

import shutil

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


def find_chromium() -> str | None:
    """The path of the first Chromium on the search path, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
