"""Files to state: everything that opens a file of a run, and nothing that draws."""
