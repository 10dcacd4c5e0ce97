"""What looks at a whole account, or many cities, at once."""
