"""Ask an app on its own host whether it is well, and count connections there."""
