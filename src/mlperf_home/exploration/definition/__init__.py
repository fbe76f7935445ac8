"""The parts of a study: space, protocol, beliefs, journal, answer."""
