"""Leaderboards: bundles of many contributors in one store, judged, and the answer that they give together."""
