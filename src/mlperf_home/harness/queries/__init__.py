"""Between a query and its completion: samples and batches, systems under test, the watch over their completion."""
