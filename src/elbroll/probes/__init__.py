"""Ask an app on its own host whether it is well."""

from elbroll.probes.checks import PoolChecks

__all__ = ["PoolChecks"]
