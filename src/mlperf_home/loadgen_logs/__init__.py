"""LoadGen's summary, detail and accuracy logs, whoever wrote them."""
