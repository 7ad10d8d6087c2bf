"""The exit codes of ``hocket``."""

__all__ = ["FAILURE", "SUCCESS", "USAGE"]

SUCCESS, FAILURE, USAGE = 0, 1, 2
