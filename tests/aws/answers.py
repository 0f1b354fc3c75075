"""One good answer for each operation whose answers elbroll reads, with every part that it looks at."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.response import StreamingBody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.aws import Clients

GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web-http/1"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/web/1"
HOST, OTHER, VPC, ADDRESS, SIX = "i-0a11", "i-0a12", "vpc-1", "10.0.0.1", "2001:db8::1"
LOCK = "/elbroll/v1/lock/tg/web/1"
VALUE = '{"base":1,"nonce":"theirs"}'
MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
ADDRESSES = {"PrivateIpAddresses": [{"PrivateIpAddress": ADDRESS}], "Ipv6Addresses": [{"Ipv6Address": SIX}]}
STORED = {"Name": LOCK, "Version": 3, "Value": VALUE, "LastModifiedDate": MOMENT}

GOOD: Mapping[str, dict[str, Any]] = {
    "sts.GetCallerIdentity": {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ops"},
    "elbv2.DescribeLoadBalancers": {
        "LoadBalancers": [{"LoadBalancerArn": BALANCER, "LoadBalancerName": "web", "Type": "network"}]
    },
    "elbv2.DescribeTargetGroups": {
        "TargetGroups": [
            {
                "TargetGroupArn": GROUP,
                "TargetGroupName": "web-http",
                "TargetType": "instance",
                "Protocol": "TCP",
                "Port": 8080,
                "VpcId": VPC,
                "LoadBalancerArns": [BALANCER],
                "ProtocolVersion": "HTTP1",
                "HealthCheckProtocol": "HTTP",
                "HealthCheckPort": "traffic-port",
                "HealthCheckPath": "/",
                "HealthCheckIntervalSeconds": 30,
                "HealthCheckTimeoutSeconds": 5,
                "HealthyThresholdCount": 5,
                "UnhealthyThresholdCount": 2,
                "Matcher": {"HttpCode": "200"},
            }
        ]
    },
    "elbv2.DescribeTargetGroupAttributes": {
        "Attributes": [{"Key": "slow_start.duration_seconds", "Value": "30"}],
    },
    "elbv2.DescribeLoadBalancerAttributes": {
        "Attributes": [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}],
    },
    "elbv2.DescribeTargetHealth": {
        "TargetHealthDescriptions": [
            {
                "Target": {"Id": HOST, "Port": 8080, "AvailabilityZone": "us-east-1a"},
                "TargetHealth": {"State": "unhealthy", "Reason": "Target.Timeout", "Description": "timed out"},
                "AdministrativeOverride": {"State": "no_override", "Description": "none"},
                "AnomalyDetection": {"Result": "normal"},
            }
        ]
    },
    "elbv2.RegisterTargets": {},
    "elbv2.DeregisterTargets": {},
    "elb.DescribeLoadBalancers": {
        "LoadBalancerDescriptions": [
            {
                "LoadBalancerName": "old",
                "VPCId": VPC,
                "Instances": [{"InstanceId": OTHER}],
                "ListenerDescriptions": [{"Listener": {"Protocol": "HTTP", "InstancePort": 8080}}],
                "HealthCheck": {
                    "Target": "HTTP:8080/",
                    "Interval": 30,
                    "Timeout": 5,
                    "HealthyThreshold": 10,
                    "UnhealthyThreshold": 2,
                },
            }
        ]
    },
    "elb.DescribeLoadBalancerAttributes": {
        "LoadBalancerAttributes": {
            "ConnectionDraining": {"Enabled": True, "Timeout": 300},
            "CrossZoneLoadBalancing": {"Enabled": True},
        }
    },
    "elb.DescribeInstanceHealth": {
        "InstanceStates": [
            {"InstanceId": HOST, "State": "OutOfService", "ReasonCode": "Instance", "Description": "failed its checks"}
        ]
    },
    "elb.RegisterInstancesWithLoadBalancer": {"Instances": [{"InstanceId": HOST}]},
    "elb.DeregisterInstancesFromLoadBalancer": {"Instances": [{"InstanceId": OTHER}]},
    "ec2.DescribeInstances": {
        "Reservations": [
            {
                "Instances": [
                    {
                        "InstanceId": HOST,
                        "State": {"Name": "running"},
                        "Tags": [{"Key": "Name", "Value": "web-1"}],
                        "Placement": {"AvailabilityZone": "us-east-1a"},
                        "VpcId": VPC,
                        "PrivateIpAddress": ADDRESS,
                        "PublicIpAddress": "198.51.100.1",
                        "PrivateDnsName": "ip-10-0-0-1",
                        "PublicDnsName": "ec2-198",
                        "LaunchTime": MOMENT,
                        "NetworkInterfaces": [ADDRESSES],
                    }
                ]
            }
        ]
    },
    "ec2.DescribeNetworkInterfaces": {
        "NetworkInterfaces": [{**ADDRESSES, "Attachment": {"InstanceId": HOST}}],
    },
    "ec2.GetConsoleOutput": {"InstanceId": HOST, "Output": "a2V5cw=="},
    "autoscaling.DescribeAutoScalingInstances": {
        "AutoScalingInstances": [{"InstanceId": HOST, "AutoScalingGroupName": "web-asg", "LifecycleState": "InService"}]
    },
    "autoscaling.DescribeAutoScalingGroups": {
        "AutoScalingGroups": [
            {
                "AutoScalingGroupName": "web-asg",
                "MinSize": 1,
                "DesiredCapacity": 2,
                "MaxSize": 3,
                "HealthCheckType": "ELB",
                "AvailabilityZones": ["us-east-1a"],
                "SuspendedProcesses": [{"ProcessName": "AZRebalance"}],
                "TargetGroupARNs": [GROUP],
                "LoadBalancerNames": ["old"],
                "TrafficSources": [{"Identifier": GROUP, "Type": "elbv2"}, {"Identifier": "x", "Type": "vpc-lattice"}],
                "Instances": [{"InstanceId": HOST}],
            }
        ]
    },
    "autoscaling.DescribeInstanceRefreshes": {"InstanceRefreshes": [{"Status": "Successful"}]},
    "autoscaling.EnterStandby": {"Activities": [{"ActivityId": "1"}]},
    "autoscaling.ExitStandby": {"Activities": [{"ActivityId": "1"}]},
    "ssm.GetParameter": {"Parameter": STORED},
    "ssm.GetParametersByPath": {"Parameters": [STORED]},
    "ssm.GetParameterHistory": {
        "Parameters": [
            {"Name": LOCK, "Version": number, "Value": f'{{"base":{base}}}'}
            for number, base in ((1, 0), (2, 1), (3, 1))
        ]
    },
    "ssm.PutParameter": {"Version": 1},
    "s3.GetObject": {"ETag": '"e1"', "LastModified": MOMENT},
    "s3.ListObjectsV2": {"IsTruncated": False, "KeyCount": 1, "Contents": [{"Key": f"p{LOCK}"}]},
    "s3.PutObject": {"ETag": '"e2"'},
}


class Replayed:
    """Answers every call of these clients with the good answer to its operation, but for those that it was given.

    Notes the operations that were asked for.
    """

    def __init__(self, clients: Clients) -> None:
        made = (clients.sts, clients.elbv2, clients.elb, clients.ec2, clients.autoscaling, clients.ssm, clients.s3)
        self._clients = made
        self.given: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []

    def __enter__(self) -> Replayed:
        for client in self._clients:
            client.meta.events.register_first("before-call", self._answer)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.meta.events.unregister("before-call", self._answer)

    def give(self, operation: str, *answers: dict[str, Any]) -> None:
        """These, one after the other, and the last one for ever."""
        self.given[operation] = list(answers)

    def _answer(self, model: Any, **_: object) -> tuple[AWSResponse, dict[str, Any]]:
        operation = f"{model.service_model.service_name}.{model.name}"
        self.asked.append(operation)
        answers = self.given.get(operation) or [GOOD[operation]]
        answer = dict(answers.pop(0) if len(answers) > 1 else answers[0])
        if operation == "s3.GetObject":
            answer["Body"] = StreamingBody(BytesIO(VALUE.encode()), len(VALUE))
        headers: Any = {}
        raw: Any = None
        return AWSResponse("https://replayed", 200, headers, raw), answer
