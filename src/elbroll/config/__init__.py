"""elbroll.toml -> Settings."""
