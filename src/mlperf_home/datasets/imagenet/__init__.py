"""ImageNet's validation set of 2012, as the models' publishers and MLPerf use it."""
