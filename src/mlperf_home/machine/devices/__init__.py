"""Memory, storage and network devices, and the product that holds them."""
