"""Several load generators as one: master, workers, and the channel between them."""
