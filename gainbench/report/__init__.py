"""Stored run to figures, HTML, Markdown and JUnit. Reads disk alone."""
