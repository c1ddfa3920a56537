"""One application, written twice: ``sync_app`` blocks, ``async_app`` awaits. ``shared`` serves both."""
