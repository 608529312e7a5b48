"""Makes synthetic datasets with the shape of real ones, marked as synthetic everywhere, for trials at any size."""
