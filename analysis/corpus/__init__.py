"""Many questions: what a network makes of them, where they lie, how often it is right about them."""
