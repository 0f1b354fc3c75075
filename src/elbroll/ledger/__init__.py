"""What was taken out of where, and who holds which pool."""
