"""One module a store; each is imported only when it is opened."""
