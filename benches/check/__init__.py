"""Whether a contender does the work: steps that keep account, and what must come back."""
