"""Sleep of a run: consolidations put together from their phases, and performance around each."""
