"""SQuAD v1.1 for MLPerf's BERT benchmark."""
