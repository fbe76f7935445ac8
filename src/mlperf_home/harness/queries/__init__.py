"""Systems under test, their batches and streams, and the watchdog over the completion of samples."""
