"""A workflow before it runs."""
