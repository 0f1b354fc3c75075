"""Where ledger values are kept."""
