"""The whole world on loopback, for `elbroll demo` and for the tests."""
