"""The version, in one place: the package, its metadata and the caches take it from here."""

__version__ = "1.0.0"
