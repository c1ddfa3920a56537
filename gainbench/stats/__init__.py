"""Pure functions from numbers to numbers: gain, intervals, crossing, power. No I/O.

They say `import scipy` and name its parts in full: those load when first used, which spares the start of
every command a second.
"""
