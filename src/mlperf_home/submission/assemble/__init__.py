"""From a folder of results to a submission's tree."""
