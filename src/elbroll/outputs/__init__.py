"""Every way of telling what has happened."""
