"""The run directory: versioned, appended atomically, never overwritten."""
