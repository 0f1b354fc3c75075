"""Any part of any answer cut away, or of another type: a good reading, or no answer and the call's name (F-15)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from aws.answers import ADDRESS, BALANCER, GOOD, HOST, LOCK, SIX, VPC, Replayed
from builders import a_pool
from elbroll.aws import Action, Clients
from elbroll.balancers import AwsBalancer, AwsDirectory, AwsGroups
from elbroll.balancers.region import Region
from elbroll.cli.secrets import parameter
from elbroll.demo.lifelike import REGION, guarded
from elbroll.errors import Refused, StoreDown, Unanswered
from elbroll.inventory import Ec2Inventory
from elbroll.inventory.console import console_output
from elbroll.ledger.ports import Verdict
from elbroll.ledger.stores.s3 import S3Store
from elbroll.ledger.stores.ssm import SsmStore
from elbroll.ledger.values import Draft
from elbroll.model import BalancerKind, Host, HostId, InstanceState, PoolId, Registration
from fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Path = tuple[str | int, ...]

WEB, OLD = a_pool("web-http", balancer_arns=(BALANCER,)), a_pool("old", kind=BalancerKind.CLASSIC)
IDS = (PoolId("tg/web-http/1"), PoolId("clb/old"))
ENTRY, MEMBER = Registration(WEB.id, HOST, 8080), Registration(OLD.id, HOST, None)
IAM = {"ListObjectsV2": "ListBucket"}
"""Operations that IAM has another name for."""
WRITES = ("ssm write", "s3 write")
STORED = ("ssm read", "ssm list", "s3 read", "s3 list")
ODD = (None, 7, True, "odd", ["odd"], {"odd": "x"})
NOT_NEEDED: dict[str, set[str]] = {
    "elbv2.DescribeLoadBalancers": {"LoadBalancers.Type"},
    "elbv2.DescribeTargetGroups": {
        f"TargetGroups.{name}"
        for name in (
            "HealthCheckPath",
            "HealthCheckPort",
            "HealthCheckProtocol",
            "Matcher",
            "Matcher.HttpCode",
            "ProtocolVersion",
            "TargetType",
        )
    },
    "elbv2.DescribeTargetHealth": {
        f"TargetHealthDescriptions.{name}"
        for name in (
            "AdministrativeOverride",
            "AdministrativeOverride.Description",
            "AnomalyDetection",
            "AnomalyDetection.Result",
            "Target.AvailabilityZone",
            "TargetHealth.Description",
            "TargetHealth.Reason",
        )
    },
    "elb.DescribeLoadBalancers": {f"LoadBalancerDescriptions.{name}" for name in ("ListenerDescriptions", "VPCId")},
    "elb.DescribeLoadBalancerAttributes": {
        f"LoadBalancerAttributes.{name}"
        for name in (
            "ConnectionDraining",
            "ConnectionDraining.Timeout",
            "CrossZoneLoadBalancing",
            "CrossZoneLoadBalancing.Enabled",
        )
    },
    "elb.DescribeInstanceHealth": {"InstanceStates.Description", "InstanceStates.ReasonCode"},
    "elb.RegisterInstancesWithLoadBalancer": {"Instances", "Instances.InstanceId"},
    "elb.DeregisterInstancesFromLoadBalancer": {"Instances", "Instances.InstanceId"},
    "ec2.DescribeInstances": {
        f"Reservations.Instances.{name}"
        for name in (
            "LaunchTime",
            "NetworkInterfaces",
            "NetworkInterfaces.Ipv6Addresses",
            "NetworkInterfaces.PrivateIpAddresses",
            "Placement",
            "Placement.AvailabilityZone",
            "PrivateDnsName",
            "PrivateIpAddress",
            "PublicDnsName",
            "PublicIpAddress",
            "Tags",
            "Tags.Value",
            "VpcId",
        )
    },
    "ec2.DescribeNetworkInterfaces": {
        f"NetworkInterfaces.{name}"
        for name in ("Attachment", "Attachment.InstanceId", "Ipv6Addresses", "PrivateIpAddresses")
    },
    "ec2.GetConsoleOutput": {"Output"},
    "autoscaling.DescribeAutoScalingGroups": {
        f"AutoScalingGroups.{name}"
        for name in (
            "AvailabilityZones",
            "HealthCheckType",
            "Instances",
            "LoadBalancerNames",
            "SuspendedProcesses",
            "TargetGroupARNs",
            "TrafficSources",
            "TrafficSources.Type",
        )
    },
    "autoscaling.EnterStandby": {"Activities", "Activities.ActivityId"},
    "autoscaling.ExitStandby": {"Activities", "Activities.ActivityId"},
    "ssm.GetParameter": {"Parameter.LastModifiedDate"},
    "ssm.GetParametersByPath": {"Parameters.LastModifiedDate"},
    "s3.GetObject": {"LastModified"},
    "s3.ListObjectsV2": {"KeyCount"},
}
"""Parts that an answer may lack, by operation; `ssm.GetParameterHistory` and all others need whatever is read."""
HEALED: list[tuple[str, str, Path]] = [
    ("find", "elbv2.DescribeLoadBalancers", ("LoadBalancers", 0, "LoadBalancerArn")),
    ("find", "elbv2.DescribeTargetGroups", ("TargetGroups", 0, "LoadBalancerArns")),
    ("find", "elbv2.DescribeTargetGroupAttributes", ("Attributes", 0, "Key")),
    ("find", "elbv2.DescribeLoadBalancerAttributes", ("Attributes", 0, "Key")),
    ("find classic", "elb.DescribeLoadBalancers", ("LoadBalancerDescriptions", 0, "LoadBalancerName")),
    (
        "find classic",
        "elb.DescribeLoadBalancerAttributes",
        ("LoadBalancerAttributes", "ConnectionDraining", "Enabled"),
    ),
    ("serving", "elbv2.DescribeTargetHealth", ("TargetHealthDescriptions", 0, "Target", "Id")),
    ("instances", "ec2.DescribeInstances", ("Reservations", 0, "Instances", 0, "State", "Name")),
    (
        "addresses",
        "ec2.DescribeNetworkInterfaces",
        ("NetworkInterfaces", 0, "PrivateIpAddresses", 0, "PrivateIpAddress"),
    ),
    ("search", "ec2.DescribeInstances", ("Reservations", 0, "Instances", 0, "InstanceId")),
]


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with guarded():
        yield Clients(region=REGION)


@pytest.fixture(autouse=True)
def _fake_account() -> None:
    """Nothing of moto's: what answers is the test's own."""


@pytest.fixture
def aws(clients: Clients) -> Iterator[Replayed]:
    with Replayed(clients) as replayed:
        yield replayed


def doings(clients: Clients) -> dict[str, Callable[[], object]]:
    """One for every way in which answers are read, each with adapters that know nothing yet."""
    clock, draft = FakeClock(), Draft({"word": "x"}, "nonce")
    balancer, directory = AwsBalancer(clients, clock), AwsDirectory(clients, clock)
    inventory, groups = Ec2Inventory(clients, clock), AwsGroups(clients)
    ssm, s3 = SsmStore(clients.ssm, clock), S3Store(clients.s3, "bucket", "p", "123456789012")
    host = Host(HostId(HOST), "web-1", InstanceState.RUNNING, vpc=VPC)
    return {
        "who": Clients.identity.__get__(clients),
        "find": lambda: directory.find("web", ()),
        "find classic": lambda: directory.find("old", ()),
        "by_id": lambda: directory.by_id(IDS),
        "serving": lambda: directory.serving([host], []),
        "look": lambda: balancer.look(WEB, 0).rows,
        "look classic": lambda: balancer.look(OLD, 0).rows,
        "register": lambda: balancer.register(WEB, [ENTRY]),
        "register classic": lambda: balancer.register(OLD, [MEMBER]),
        "deregister": lambda: balancer.deregister(WEB, [ENTRY]),
        "deregister classic": lambda: balancer.deregister(OLD, [MEMBER]),
        "nodes": lambda: balancer.nodes(WEB),
        "instances": lambda: inventory.instances([HOST]),
        "addresses": lambda: inventory.addresses(VPC, [ADDRESS, SIX]),
        "search": lambda: inventory.search("web-*"),
        "console": lambda: console_output(clients, HOST),
        "members": lambda: groups.members([HostId(HOST)]),
        "groups": lambda: groups.groups(["web-asg"]),
        "enter standby": lambda: groups.enter_standby("web-asg", HostId(HOST)),
        "exit standby": lambda: groups.exit_standby("web-asg", HostId(HOST)),
        "secret": lambda: parameter("/web/db", clients),
        "ssm read": lambda: ssm.read(LOCK),
        "ssm list": lambda: ssm.list("/elbroll/v1/lock/"),
        "ssm write": lambda: ssm.write(LOCK, draft, None),
        "s3 read": lambda: s3.read(LOCK),
        "s3 list": lambda: s3.list("/elbroll/v1/lock/"),
        "s3 write": lambda: s3.write(LOCK, draft, None),
    }


def ends(doing: Callable[[], object], operation: str) -> str:
    """How it ends: `answered`, `no answer` and by whom that is said, or what else it came to."""
    call = operation.partition(".")[2]
    try:
        doing()
    except (Unanswered, StoreDown) as error:
        told = " ".join((error.message, *error.why))
        return "no answer" if call in told or IAM.get(call, call) in told else f"no answer, but {told}"
    except Refused:
        return "refused"
    except Exception as error:
        return repr(error)
    return "answered"


def places(answer: Any, path: Path = ()) -> Iterator[Path]:
    """Every part of an answer, by its names and indexes."""
    parts = answer.items() if isinstance(answer, dict) else enumerate(answer) if isinstance(answer, list) else ()
    for name, part in parts:
        yield (*path, name)
        yield from places(part, (*path, name))


def named(operation: str) -> list[Path]:
    """Every part that has a name: a list that is shorter tells nobody."""
    return [path for path in places(GOOD[operation]) if isinstance(path[-1], str)]


def odd_parts(operation: str) -> Iterator[tuple[Path, object]]:
    """Every part, with everything that it cannot be."""
    for path in places(GOOD[operation]):
        part = parent(GOOD[operation], path)[path[-1]]
        yield from ((path, wrong) for wrong in ODD if type(wrong) is not type(part))


def parent(answer: Any, path: Path) -> Any:
    for name in path[:-1]:
        answer = answer[name]
    return answer


def without(operation: str, path: Path) -> dict[str, Any]:
    answer = copy.deepcopy(GOOD[operation])
    del parent(answer, path)[path[-1]]
    return answer


def with_part(operation: str, path: Path, part: object) -> dict[str, Any]:
    answer = copy.deepcopy(GOOD[operation])
    parent(answer, path)[path[-1]] = part
    return answer


def answer_of(doing: Callable[[], object]) -> object:
    """What it comes to; None where there was no answer."""
    try:
        return doing()
    except StoreDown:
        return None


def texts(found: Any) -> list[str | None]:
    """The values that a read or a listing has found."""
    return [stored.text for stored in (found.values() if isinstance(found, dict) else [found])]


def readers(clients: Clients, aws: Replayed) -> dict[str, list[str]]:
    """Which doings ask for which operation while all answers are good."""
    found: dict[str, list[str]] = {}
    for name, doing in doings(clients).items():
        aws.asked.clear()
        doing()
        for operation in dict.fromkeys(aws.asked):
            found.setdefault(operation, []).append(name)
    return found


@pytest.mark.rule("F-15")
def test_every_operation_is_asked_for_by_a_doing(clients: Clients, aws: Replayed) -> None:
    assert set(readers(clients, aws)) == set(GOOD)


@pytest.mark.rule("F-15", "B3", "F-11")
@pytest.mark.parametrize("operation", GOOD)
def test_a_part_of_another_type_is_no_answer(clients: Clients, aws: Replayed, operation: str) -> None:
    names = [name for name in readers(clients, aws)[operation] if name not in WRITES]
    for path, wrong in odd_parts(operation):
        aws.give(operation, with_part(operation, path, wrong))
        found = {name: ends(doings(clients)[name], operation) for name in names}
        assert found == dict.fromkeys(names, "no answer"), (path, wrong)


@pytest.mark.rule("F-15", "B3", "F-11")
@pytest.mark.parametrize("operation", GOOD)
def test_a_part_that_is_missing_is_no_answer_unless_nobody_needs_it(
    clients: Clients, aws: Replayed, operation: str
) -> None:
    names = [name for name in readers(clients, aws)[operation] if name not in WRITES]
    ended = {}
    for path in named(operation):
        aws.give(operation, without(operation, path))
        ended[path] = {ends(doings(clients)[name], operation) for name in names}
    assert set().union(*ended.values()) <= {"answered", "no answer"}
    spared = {
        ".".join(filter(lambda name: isinstance(name, str), path))
        for path, found in ended.items()
        if found == {"answered"}
    }
    assert spared == NOT_NEEDED.get(operation, frozenset())


@pytest.mark.rule("F-15", "F-11", "F-13")
@pytest.mark.parametrize(
    "operation",
    ["ssm.GetParameter", "ssm.GetParametersByPath", "ssm.GetParameterHistory", "s3.GetObject", "s3.ListObjectsV2"],
)
def test_a_store_never_reads_no_record_and_no_lock_out_of_half_an_answer(
    clients: Clients, aws: Replayed, operation: str
) -> None:
    whole = {name: doings(clients)[name]() for name in STORED}
    for path in named(operation):
        aws.give(operation, without(operation, path))
        for name in STORED:
            found = answer_of(doings(clients)[name])
            assert found is None or texts(found) == texts(whole[name]), (path, name)


@pytest.mark.rule("I-11", "F-9", "L1")
@pytest.mark.parametrize(("name", "operation"), [("ssm write", "ssm.PutParameter"), ("s3 write", "s3.PutObject")])
def test_half_an_answer_to_a_write_is_no_verdict_and_settled_by_a_read(
    clients: Clients, aws: Replayed, name: str, operation: str
) -> None:
    halves = [without(operation, path) for path in named(operation)]
    halves += [with_part(operation, path, wrong) for path, wrong in odd_parts(operation)]
    for answer in halves:
        aws.give(operation, answer)
        assert doings(clients)[name]() is Verdict.LOST


@pytest.mark.rule("I-11", "B3")
@pytest.mark.parametrize("name", ["register classic", "deregister classic", "enter standby", "exit standby"])
def test_half_an_answer_to_a_deed_proves_nothing_and_is_not_sent_again(
    clients: Clients, aws: Replayed, name: str
) -> None:
    doings(clients)[name]()
    (operation,) = aws.asked
    aws.give(operation, with_part(operation, next(places(GOOD[operation])), None))
    with pytest.raises(Unanswered, match=operation.partition(".")[2]):
        doings(clients)[name]()
    assert aws.asked == [operation] * 2


@pytest.mark.rule("F-14", "F-15", "B2")
@pytest.mark.parametrize(("name", "operation", "lacking"), HEALED)
def test_half_a_row_is_asked_for_again(
    clients: Clients, aws: Replayed, name: str, operation: str, lacking: Path
) -> None:
    whole = doings(clients)[name]()
    aws.give(operation, without(operation, lacking), GOOD[operation])
    assert doings(clients)[name]() == whole


@pytest.mark.rule("F-21", "A7")
def test_a_refresh_that_is_half_told_is_not_passed_over(clients: Clients, aws: Replayed) -> None:
    aws.give("autoscaling.DescribeInstanceRefreshes", {"InstanceRefreshes": [{"InstanceRefreshId": "1"}]})
    with pytest.raises(Unanswered, match="DescribeInstanceRefreshes"):
        doings(clients)["groups"]()


def test_a_key_that_is_missing_in_our_own_is_still_a_bug(clients: Clients) -> None:
    ours: dict[str, str] = {}
    with pytest.raises(KeyError):
        Region(clients, FakeClock()).ask(Action.WHO, "us", lambda: ours["Arn"])


@pytest.mark.rule("F-15")
def test_it_says_where_the_part_is_missing(clients: Clients, aws: Replayed) -> None:
    aws.give(
        "autoscaling.DescribeAutoScalingInstances",
        without("autoscaling.DescribeAutoScalingInstances", ("AutoScalingInstances", 0, "InstanceId")),
    )
    with pytest.raises(Unanswered) as caught:
        doings(clients)["members"]()
    assert caught.value.message == "AWS gave half an answer to autoscaling:DescribeAutoScalingInstances"
    assert caught.value.why == ("AutoScalingInstances.InstanceId is missing from it",)
