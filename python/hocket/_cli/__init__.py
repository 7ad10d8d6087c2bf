"""The command ``hocket``."""
