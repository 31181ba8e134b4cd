"""State to answers: sampling, smoothing, health, pace. Pure numpy; knows no files and no web."""
