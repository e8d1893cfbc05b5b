"""Two networks beside each other, or one at two points of its training: `compare` is the whole of it."""
