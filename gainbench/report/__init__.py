"""Stored run to figures, HTML, Markdown and JUnit. Reads disk alone."""

from gainbench.report.files import (
    write,
    write_claims,
    write_explained,
    write_forecast,
    write_map,
    write_proofs,
)

__all__ = ["write", "write_claims", "write_explained", "write_forecast", "write_map", "write_proofs"]
