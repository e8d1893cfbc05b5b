"""One question: its words, its gammas and betas among thousands, its maps, where its answer came from."""
