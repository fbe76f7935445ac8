"""Which scripts there are: repositories, index, registry."""
