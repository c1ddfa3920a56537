"""The trial loop, the parity gate and the validity rules."""
