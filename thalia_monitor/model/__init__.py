"""Data model of a run: immutable values, independent of files and of Dash."""
