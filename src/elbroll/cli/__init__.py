"""One module a command; the only place where everything meets, asks, or exits."""

from elbroll.cli.app import main

__all__ = ["main"]
