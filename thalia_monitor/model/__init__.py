"""What a run is: immutable values that every floor above the files works with."""
