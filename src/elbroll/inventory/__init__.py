"""Which machines stand behind ids and addresses."""
