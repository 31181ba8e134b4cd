"""What leaves the monitor as files: every logged value as CSV, JSON or Parquet."""
