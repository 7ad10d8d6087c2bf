"""One file a contender; docs/project/benchmarks.md says what is in one. Files with a leading _ are none."""
