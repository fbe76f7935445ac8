"""From a job to an opened engine with its shapes."""
