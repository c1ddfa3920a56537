"""This process's settings, checked when the first module asks for them."""

from apps.shared.settings import AsyncSettings, load

settings = load(AsyncSettings)
