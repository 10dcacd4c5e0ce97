"""What `monitor` and `query` see: databases beside their writers, and the rows and texts made of them."""
