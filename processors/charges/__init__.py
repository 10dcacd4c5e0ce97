"""What requests were charged."""
