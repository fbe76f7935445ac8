"""Running a plan: the step's context, the traversal, the record."""
