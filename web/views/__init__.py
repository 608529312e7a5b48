"""The views: one module for each family of addresses, thin, over the readers and panels of this package."""
