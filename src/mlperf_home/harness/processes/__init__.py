"""The processes of a run: claim, supervision, progress, reports."""
