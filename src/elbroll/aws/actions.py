"""The AWS actions that are asked of balancers, groups and EC2, as IAM writes them: one list for code, policy, tests."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """`service:Operation`. Application, network and classic balancers share one namespace in IAM."""

    WHO = "sts:GetCallerIdentity"

    LOAD_BALANCERS = "elasticloadbalancing:DescribeLoadBalancers"
    LOAD_BALANCER_ATTRIBUTES = "elasticloadbalancing:DescribeLoadBalancerAttributes"
    TARGET_GROUPS = "elasticloadbalancing:DescribeTargetGroups"
    TARGET_GROUP_ATTRIBUTES = "elasticloadbalancing:DescribeTargetGroupAttributes"
    TARGET_HEALTH = "elasticloadbalancing:DescribeTargetHealth"
    INSTANCE_HEALTH = "elasticloadbalancing:DescribeInstanceHealth"
    INSTANCES = "ec2:DescribeInstances"
    INTERFACES = "ec2:DescribeNetworkInterfaces"
    CONSOLE = "ec2:GetConsoleOutput"
    SCALING_INSTANCES = "autoscaling:DescribeAutoScalingInstances"
    SCALING_GROUPS = "autoscaling:DescribeAutoScalingGroups"
    REFRESHES = "autoscaling:DescribeInstanceRefreshes"

    REGISTER_TARGETS = "elasticloadbalancing:RegisterTargets"
    DEREGISTER_TARGETS = "elasticloadbalancing:DeregisterTargets"
    REGISTER_INSTANCES = "elasticloadbalancing:RegisterInstancesWithLoadBalancer"
    DEREGISTER_INSTANCES = "elasticloadbalancing:DeregisterInstancesFromLoadBalancer"
    ENTER_STANDBY = "autoscaling:EnterStandby"
    EXIT_STANDBY = "autoscaling:ExitStandby"


DEEDS = frozenset(
    {
        Action.REGISTER_TARGETS,
        Action.DEREGISTER_TARGETS,
        Action.REGISTER_INSTANCES,
        Action.DEREGISTER_INSTANCES,
        Action.ENTER_STANDBY,
        Action.EXIT_STANDBY,
    }
)
"""The only ones that change anything."""
