"""The OpenVINO engine, for dense models of questions and of images."""
