"""From a workflow file to a definition."""
