"""What a study is: space, protocol, beliefs, journal, answer."""
