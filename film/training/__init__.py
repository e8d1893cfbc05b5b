"""How a network learns: recipes, batches, losses and the loop. `python -m film train`."""
