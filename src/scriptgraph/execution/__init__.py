"""The execution of a plan: a step's context, the traversal, the record."""
