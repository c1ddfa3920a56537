"""Starting and ending processes, and where they run."""
