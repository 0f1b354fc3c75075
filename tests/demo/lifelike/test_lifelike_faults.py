from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from elbroll.demo.lifelike import (
    ANY,
    DEEDS,
    Detail,
    FakeApps,
    Faults,
    Kind,
    Server,
    Simulation,
    VirtualClock,
    World,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

    from elbroll.demo.lifelike import InProcess

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
NAME = "/elbroll/test"


class Stand:
    """Clients that never repeat a call, by whichever entrance, and what can be arranged behind it."""

    def __init__(self, simulation: Simulation, faults: Faults, session: boto3.Session) -> None:
        self._session = session
        self.simulation = simulation
        self.faults = faults
        self.timeline = simulation.timeline

    def client(self, service: str) -> Any:
        make: Any = self._session.client
        return make(service, config=ONCE)

    def put(self, value: str) -> int:
        answer = self.client("ssm").put_parameter(Name=NAME, Value=value, Type="String", Overwrite=True)
        return int(answer["Version"])

    def version(self) -> int:
        return int(self.client("ssm").get_parameter(Name=NAME)["Parameter"]["Version"])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(Simulation(VirtualClock(), FakeApps())) as made:
        yield made


@pytest.fixture(params=["in-process", "server"])
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    fixture = {"in-process": "in_process_stand", "server": "server_stand"}[request.param]
    return request.getfixturevalue(fixture)  # type: ignore[no-any-return]


@pytest.fixture
def in_process_stand(aws: InProcess, session: boto3.Session) -> Stand:
    return Stand(aws.simulation, aws.faults, session)


@pytest.fixture
def server_stand(server: Server, session: boto3.Session) -> Iterator[Stand]:
    with guarded(server.url):
        yield Stand(server.simulation, server.faults, session)
    server.reset()


def refused(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.rule("M8")
def test_a_refused_call_is_not_applied(stand: Stand) -> None:
    stand.put("1")
    stand.faults.add("PutParameter", Kind.REFUSE, 1, Detail(code="TooManyUpdates", status=400))
    assert refused(stand.put, value="2") == ("TooManyUpdates", 400)
    assert stand.version() == 1


@pytest.mark.rule("M8")
def test_a_lost_answer_is_applied(stand: Stand) -> None:
    stand.put("1")
    stand.faults.add("PutParameter", Kind.LOSE_ANSWER)
    assert refused(stand.put, value="2") == ("InternalFailure", 500)
    assert stand.version() == 2


@pytest.mark.rule("M8")
@pytest.mark.parametrize(("kind", "version"), [(Kind.CUT, 2), (Kind.CUT_BEFORE, 1)])
def test_a_cut_connection_comes_after_or_before_the_deed(stand: Stand, kind: Kind, version: int) -> None:
    stand.put("1")
    stand.faults.add("PutParameter", kind)
    with pytest.raises(ConnectionClosedError):
        stand.put("2")
    assert stand.version() == version


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("elbv2", "describe_target_groups", ("Throttling", 400)),
        ("elb", "describe_load_balancers", ("Throttling", 400)),
        ("ec2", "describe_instances", ("RequestLimitExceeded", 503)),
        ("ssm", "describe_parameters", ("ThrottlingException", 400)),
        ("s3", "list_buckets", ("SlowDown", 503)),
        ("sts", "get_caller_identity", ("Throttling", 400)),
    ],
)
@pytest.mark.rule("Q1")
def test_each_service_throttles_in_its_own_words(stand: Stand, service: str, call: str, code: tuple[str, int]) -> None:
    stand.faults.add(ANY, Kind.THROTTLE)
    assert refused(getattr(stand.client(service), call)) == code


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("elbv2", "describe_target_groups", ("AccessDenied", 403)),
        ("ec2", "describe_instances", ("UnauthorizedOperation", 403)),
        ("ssm", "describe_parameters", ("AccessDeniedException", 400)),
        ("s3", "list_buckets", ("AccessDenied", 403)),
    ],
)
@pytest.mark.rule("B4")
def test_each_service_denies_in_its_own_words(stand: Stand, service: str, call: str, code: tuple[str, int]) -> None:
    stand.faults.add(ANY, Kind.DENY)
    assert refused(getattr(stand.client(service), call)) == code


def test_a_delay_goes_by_the_simulations_clock(stand: Stand) -> None:
    before = stand.simulation.clock.monotonic()
    stand.faults.add("PutParameter", Kind.DELAY, 1, Detail(seconds=30))
    assert stand.put("1") == 1
    assert stand.simulation.clock.monotonic() - before == 30


def test_something_can_happen_right_before_and_right_after_a_deed(stand: Stand) -> None:
    seen: list[int] = []
    stand.put("1")
    stand.faults.add("PutParameter", Kind.BEFORE, 1, Detail(act=lambda: seen.append(stand.version())))
    stand.put("2")
    stand.faults.add("PutParameter", Kind.AFTER, 1, Detail(act=lambda: seen.append(stand.version())))
    stand.put("3")
    assert seen == [1, 3]


def test_faults_end_after_their_times_and_begin_after_those_skipped(stand: Stand) -> None:
    stand.faults.add(DEEDS, Kind.REFUSE, 2, Detail(skip=1))
    stand.put("1")
    refused(stand.put, value="2")
    stand.version()
    refused(stand.put, value="2")
    assert stand.put("2") == 2


def test_a_lasting_fault_ends_when_faults_are_cleared(stand: Stand) -> None:
    stand.faults.add("PutParameter", Kind.THROTTLE, None)
    for value in ("1", "2", "3"):
        refused(stand.put, value=value)
    stand.faults.clear()
    assert stand.put("4") == 1


def test_only_the_calls_meant_are_hit(stand: Stand) -> None:
    stand.faults.add(ANY, Kind.REFUSE, 1, Detail(where=lambda asked: asked.parameters.get("Name") == "/other"))
    assert stand.put("1") == 1
    assert refused(stand.client("ssm").get_parameter, Name="/other") == ("InternalFailure", 500)


def test_the_time_line_tells_what_was_done_and_what_became_of_it(stand: Stand) -> None:
    stand.faults.add("PutParameter", Kind.CUT_BEFORE)
    with pytest.raises(ConnectionClosedError):
        stand.put("1")
    stand.put("1")
    refused(stand.client("ssm").put_parameter, Name=NAME, Value="2", Type="String")
    stand.version()
    deeds = [
        (call.service, call.action, call.parameters["Value"], call.status, call.fault)
        for call in stand.timeline.deeds()
    ]
    assert deeds == [
        ("ssm", "PutParameter", "1", 0, "cut-before"),
        ("ssm", "PutParameter", "1", 200, None),
        ("ssm", "PutParameter", "2", 400, None),
    ]
    assert [call.action for call in stand.timeline.calls()][-1] == "GetParameter"


def test_a_call_names_its_pool_its_targets_and_what_had_happened_before_it(aws: InProcess) -> None:
    world = World(aws.client)
    vpc = world.a_vpc()
    _, groups = world.an_alb_with_groups("web", vpc, {"web": 8080})
    host = world.launch(vpc, "web-1")
    world.register(groups["web"], host, 8081)
    world.elbv2.deregister_targets(TargetGroupArn=groups["web"].arn, Targets=[{"Id": host, "Port": 8081}, {"Id": host}])
    world.a_classic("shop", vpc)
    world.join("shop", host)
    leave, join = aws.timeline.calls("DeregisterTargets")[0], aws.timeline.calls()[-1]
    assert (leave.pool, leave.targets) == (groups["web"].id, ((host, 8081), (host, None)))
    assert (join.pool, join.targets) == ("clb/shop", ((host, None),))
    known = [entry.state for entry in aws.timeline.entries[: leave.seen] if entry in aws.timeline.moves()]
    assert known == ["initial"]


@pytest.mark.parametrize(
    ("call", "parameters", "action"),
    [
        ("put_object", {"Bucket": "ledger", "Key": "k/1", "Body": b"x"}, "PutObject"),
        ("get_object", {"Bucket": "ledger", "Key": "k/1"}, "GetObject"),
        ("head_object", {"Bucket": "ledger", "Key": "k/1"}, "HeadObject"),
        ("list_objects_v2", {"Bucket": "ledger", "Prefix": "k/"}, "ListObjectsV2"),
        ("get_bucket_versioning", {"Bucket": "ledger"}, "GetBucketVersioning"),
    ],
)
@pytest.mark.rule("L5")
def test_s3_calls_are_known_by_their_names(stand: Stand, call: str, parameters: dict[str, Any], action: str) -> None:
    s3 = stand.client("s3")
    s3.create_bucket(Bucket="ledger")
    s3.put_object(Bucket="ledger", Key="k/1", Body=b"x")
    getattr(s3, call)(**parameters)
    last = stand.timeline.calls()[-1]
    assert (last.service, last.action, last.parameters["Bucket"]) == ("s3", action, "ledger")
    assert last.parameters.get("Key") in {"", None, parameters.get("Key")}
