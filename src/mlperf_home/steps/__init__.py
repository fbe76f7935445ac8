"""A run as the front sees it: where results lie, what is known of the system, how the harness is started."""
