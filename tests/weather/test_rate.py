"""Calls a second stay within the account's buckets, whatever the size of the fleet (Q1, Q2, S-14, I-13)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from builders import a_pool
from elbroll.aws.pace import TokenBucket
from elbroll.balancers.poller import Poller
from elbroll.errors import ExitCode
from elbroll.inventory import Ec2Inventory
from elbroll.model import Registration
from fakes import FastClock
from weather.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.aws import Clients
    from elbroll.demo.lifelike import InProcess
    from elbroll.model import Pool, TargetSeen

SIX = ("http", "admin", "grpc", "metrics", "ws", "internal")


def most_over(at: Iterable[float], rate: float) -> float:
    """The emptiest that a bucket refilled at `rate` gets by calls at these times: how much it must hold at least."""
    wanted, worst, last = 0.0, 0.0, 0.0
    for moment in sorted(at):
        wanted = max(0.0, wanted - (moment - last) * rate) + 1.0
        worst, last = max(worst, wanted), moment
    return worst


@pytest.mark.rule("Q1", "Q2", "S-14", "I-13")
def test_a_roll_over_many_hosts_and_pools_stays_within_half_of_the_accounts_buckets(
    aws: InProcess, clients: Clients
) -> None:
    whole = Whole(aws, clients, hosts=4, pools=SIX)
    assert whole.deploy().code is ExitCode.OK

    calls = [call for call in aws.timeline.calls()[whole.began :] if call.service == "elasticloadbalancing"]
    reads = {kind: [call.at for call in calls if not call.mutates and v2(call) is kind] for kind in (True, False)}
    moves = {kind: [call.at for call in calls if call.mutates and v2(call) is kind] for kind in (True, False)}
    writes = [call.at for call in aws.timeline.calls()[whole.began :] if call.action == "PutParameter"]

    assert max(most_over(each, 5.0) for each in reads.values()) <= 40
    assert max(most_over(each, 4.0) for each in moves.values()) <= 16
    assert most_over(writes, 1.0) <= 11


def v2(call: object) -> bool:
    """Of the newer API, whose bucket is apart from the classic one's."""
    parameters = call.parameters  # type: ignore[attr-defined]
    return "LoadBalancerName" not in parameters


@pytest.mark.rule("Q1", "S-14", "I-13")
def test_thirty_walkers_over_sixty_pools_make_no_more_readings_than_the_bucket_has() -> None:
    clock = FastClock()
    pools = [a_pool(f"web-{number}") for number in range(60)]
    at: list[float] = []

    def read(_: Pool) -> tuple[TargetSeen, ...]:
        at.append(clock.monotonic())
        return ()

    poller, end = Poller(read, clock), clock.monotonic() + 60.0

    def walk(number: int) -> None:
        """Looks as often as it can, at all pools, and is content with nothing old."""
        while clock.monotonic() < end:
            poller.look(pools[(number * 7 + len(at)) % 60], 0.1)

    with ThreadPoolExecutor(30) as walkers:
        list(walkers.map(walk, range(30)))

    assert most_over(at, 4.0) <= 20 + 2  # a thread may be late by a moment of its own
    assert len(at) > 100


@pytest.mark.rule("Q1", "S-14", "I-13", "T2")
def test_asking_by_id_for_those_who_have_left_takes_its_turn_as_well(aws: InProcess, clients: Clients) -> None:
    whole = Whole(aws, clients, hosts=1)
    balancer, began = whole.site.balancer, len(aws.timeline.calls())
    for pool in whole.pools:
        balancer.follow(pool.id, [Registration(pool.id, "i-0aaaaaaaaaaaaaaa1", 8080 if pool.arn else None)])

    for _ in range(30):
        for pool in whole.pools:
            balancer.look(pool, 0.0)

    at = [call.at for call in aws.timeline.calls()[began:]]
    assert len(at) > 100
    assert most_over(at, 4.0) <= 21


@pytest.mark.rule("Q1", "S-14", "I-13")
def test_hundreds_of_questions_about_single_machines_and_nodes_stay_far_below_what_ec2_takes(
    aws: InProcess, clients: Clients
) -> None:
    """As a roll asks in which every host fails at once, or a hundred begin to drain."""
    whole = Whole(aws, clients, hosts=1)
    inventory, began = Ec2Inventory(clients, aws.clock), len(aws.timeline.calls())

    for number in range(200):
        inventory.instances([f"i-{number:017x}"])
        whole.site.balancer.nodes(whole.groups[0])

    at = [call.at for call in aws.timeline.calls()[began:] if call.service == "ec2"]
    assert len(at) == 400
    assert most_over(at, 10.0) <= 50


@pytest.mark.rule("Q1", "T2")
def test_a_look_is_one_call_a_pool_and_not_one_a_host(aws: InProcess, clients: Clients) -> None:
    whole = Whole(aws, clients, hosts=12)
    began = len(aws.timeline.calls())
    for pool in whole.pools:
        assert len(whole.site.balancer.look(pool, 0.0).rows) == 12
    assert len(aws.timeline.calls()) - began == 2


@pytest.mark.rule("I-13")
def test_a_reading_that_ignores_the_bucket_would_be_noticed() -> None:
    """The measure itself: ten calls a second for ten seconds want far more than is saved up."""
    assert most_over([number / 10 for number in range(100)], 4.0) > 40
    clock = FastClock()
    bucket, at = TokenBucket(clock, rate=4.0, burst=20), []
    for _ in range(60):
        bucket.take()
        at.append(clock.monotonic())
    assert most_over(at, 4.0) <= 21
