"""One module a command; the only place where everything meets, asks, or exits."""


def main() -> None:
    """Run the command line."""
