"""Pure functions from numbers to numbers: gain, intervals, crossing, power. No I/O."""
