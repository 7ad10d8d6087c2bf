"""The suites: each a module with one promise, and a trial that tries to break it."""
