"""How long runs of LoadGen last: speeds measured on this machine, and the durations that follow from them."""
