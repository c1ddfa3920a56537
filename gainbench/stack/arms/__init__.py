"""An arm as a running server, and what is put into it from outside."""
