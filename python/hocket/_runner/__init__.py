"""Running a workflow."""
