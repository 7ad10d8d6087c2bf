"""hocket beside every scheduler one might choose instead: ``python -m benches --help``."""
