"""Import of results that other tools wrote or published."""
