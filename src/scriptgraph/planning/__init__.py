"""Request to plan: selection, environment, conditions. Pure: no I/O."""
