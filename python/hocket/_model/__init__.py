"""What a caller hands in and gets back."""
