"""Commands as tables of options, with one decoder, help and completion derived from them."""
