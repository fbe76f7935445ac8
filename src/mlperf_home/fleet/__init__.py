"""Many machines, each measured alone: units of work, their store, and the processes that drive and run them."""
