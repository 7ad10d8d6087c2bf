"""What the figures say: ratios, tables, pictures, documentation."""
