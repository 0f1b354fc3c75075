"""The operator's own commands on this computer: asked before a roll (`gate`), or only told of it (interface.md 2)."""
