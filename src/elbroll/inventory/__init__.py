"""Which machine stands behind an id, an address or a name."""

from elbroll.inventory.ec2 import Ec2Inventory

__all__ = ["Ec2Inventory"]
