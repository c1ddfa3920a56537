"""A service beside the arms that they may call: it answers every request alike, after the plan's delay."""
