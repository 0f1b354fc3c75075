"""Target groups and classic balancers: their health, their members, and finding them."""

from elbroll.balancers.balancer import AwsBalancer
from elbroll.balancers.directory import AwsDirectory

__all__ = ["AwsBalancer", "AwsDirectory"]
