"""A series of values: its points on a screen, smoothed, and what of it is kept between two looks."""
