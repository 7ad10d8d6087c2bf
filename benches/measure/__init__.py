"""From the environment to one figure: processes, clock, memory, rounds."""
