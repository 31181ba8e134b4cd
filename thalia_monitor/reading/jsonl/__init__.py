"""The documented log, ``training_log.json``: read by its new bytes, in bulk where it is large."""
