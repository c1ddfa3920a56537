"""The queries: each function is one or a few of them."""
