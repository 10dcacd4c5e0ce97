"""What looks at many cities at once."""
