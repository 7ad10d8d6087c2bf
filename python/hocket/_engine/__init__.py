"""Running steps: Trio above, the Rust core below."""
