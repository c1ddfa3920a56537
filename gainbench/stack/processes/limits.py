"""How many files a process may hold open. Must not know which."""

import resource
import sys

OPEN_FILES = 65_536 if sys.platform == "linux" else 10_240  # macOS refuses more than it gives one process


def raise_open_files() -> int:
    """Raise this process's limit as far as the system allows; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= allowed:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed
