"""One module per figure, each a function from a run's figures to a Picture; ``canvas`` turns it into SVG."""
