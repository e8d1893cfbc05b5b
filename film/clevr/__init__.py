"""The CLEVR world: scenes, programs, questions and pictures. Knows nothing of any network."""
