"""Quantisation of a dense BERT model to int8, with a check of its F1."""
