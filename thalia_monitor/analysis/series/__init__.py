"""Series of values: which points are drawn, how they are smoothed, and what is cached of them between refreshes."""
