"""A version that comes after ours, as an app: what its migration does is what a real one may do while ours is running."""
