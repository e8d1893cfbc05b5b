"""What can be asked about a scene: programs, the 90 families, their words both ways, and a sampler."""
