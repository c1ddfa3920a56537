"""The run directory: versioned, appended atomically, never overwritten."""

from gainbench.store.directory import RunDirectory
from gainbench.store.reading import StoredRun, last_null_run, load_results, load_run

__all__ = ["RunDirectory", "StoredRun", "last_null_run", "load_results", "load_run"]
