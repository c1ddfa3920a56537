"""What to measure: TOML and flags become one validated, frozen Plan. No I/O beyond the plan file."""
