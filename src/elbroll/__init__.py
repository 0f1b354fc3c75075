"""Roll a change over the EC2 hosts behind an AWS load balancer without losing a request."""

__version__ = "0.1.0"
