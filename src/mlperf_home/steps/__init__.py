"""The work of steps, by their Context: folders of results, facts of the machine, runs of the harness, reports."""
