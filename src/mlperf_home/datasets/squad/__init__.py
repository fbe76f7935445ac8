"""SQuAD v1.1 as MLPerf's BERT benchmark reads it."""
