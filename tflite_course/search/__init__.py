"""A search over a stated space of small networks for digits: the space, what a network costs, and how to search."""
