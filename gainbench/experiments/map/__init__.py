"""Where a gain begins and ends: cells over two things that change, first coarse, then where it matters."""
