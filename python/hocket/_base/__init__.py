"""Text, numbers, arguments and errors: nothing here knows of steps."""
