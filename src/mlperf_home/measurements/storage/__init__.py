"""The store of measurements: lines that are only appended, an index, and tables for other programs."""
