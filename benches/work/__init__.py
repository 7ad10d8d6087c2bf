"""What contenders have to do, and what steps need of the loop that they run on."""
