"""Commands as tables: their options, one decoder, help and completion made from them."""
