"""What the harness does when something fails: every part of it, at every stage, in every way."""
