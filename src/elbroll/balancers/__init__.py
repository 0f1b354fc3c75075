"""Target groups and classic balancers: their health, their members, finding them; and groups that keep hosts."""

from elbroll.balancers.balancer import AwsBalancer
from elbroll.balancers.directory import AwsDirectory
from elbroll.balancers.standby import AwsGroups

__all__ = ["AwsBalancer", "AwsDirectory", "AwsGroups"]
