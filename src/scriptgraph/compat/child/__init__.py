"""What runs in a process of its own for each foreign script: the engine of 2023, as far as scripts see it."""
