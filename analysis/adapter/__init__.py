"""Any FiLM network: its gammas and betas collected, kept as a study, checked, and set beside its labels."""
