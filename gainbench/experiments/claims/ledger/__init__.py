"""A file is a claim: its name is the claim's id, and it has SAYS, CLAIMED, `measure` and `judge`."""
