"""What is there: pools, hosts and records put together as a fleet."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from scene import Scene

from builders import a_host, a_pool, a_record, a_registration, lb_settings
from elbroll.engine.survey import Eyes, Survey, survey_again, survey_hosts, survey_lb
from elbroll.errors import AwsRefused, ElbrollError, NotFound, PermissionDenied, Unanswered
from elbroll.model import BalancerKind, Host, HostId, InstanceState, Lifecycle, RecordState, TargetType
from fakes import FakeDirectory

LB = "web-prod-lb"
PAY = a_pool("pay")


def eyes(scene: Scene) -> Eyes:
    directory = FakeDirectory(scene.pools, scene.balancer)
    return Eyes(directory, scene.inventory, scene.balancer, scene.ledger, scene.clock, scene.groups)


def survey(scene: Scene, **settings: Any) -> Survey:
    return survey_lb(LB, lb_settings(**settings), eyes(scene))


def names(found: Survey) -> set[str]:
    return {host.name for host in found.fleet.hosts.values()}


def test_a_fleet_is_the_balancers_hosts_with_all_pools_they_serve() -> None:
    scene = Scene()
    found = survey(scene)
    assert names(found) == {"web-1", "web-2", "web-3"}
    assert found.fleet.own == {scene.web.id}
    assert found.fleet.pools.keys() == found.views.keys() == {scene.web.id, scene.api.id}
    assert found.fleet.registrations == {host: frozenset(entries) for host, entries in scene.places.items()}
    assert found.fleet.kind is BalancerKind.ALB


@pytest.mark.rule("F-16")
def test_other_pools_that_are_ignored_are_no_part_of_the_fleet() -> None:
    scene = Scene()
    found = survey(scene, other_pools="ignore")
    assert found.fleet.pools.keys() == {scene.web.id}


@pytest.mark.rule("F-17", "I-2")
def test_a_pool_that_only_a_record_names_belongs_to_the_fleet_even_where_others_are_ignored() -> None:
    scene = Scene()
    scene.put_record(scene.hosts[0], RecordState.HELD)
    scene.take_out(scene.hosts[0])
    assert survey(scene, other_pools="ignore").fleet.pools.keys() == {scene.web.id, scene.api.id}


@pytest.mark.rule("I-2", "F-17")
def test_a_held_host_that_aws_no_longer_lists_belongs_to_the_fleet() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.DEPLOYING)
    scene.take_out(first)
    scene.inventory.hosts.pop(first.id)
    found = survey(scene)
    host = found.fleet.hosts[first.id]
    assert (host.name, host.state) == ("web-1", InstanceState.MISSING)
    assert found.records.keys() == {first.id}
    assert found.fleet.registrations[first.id] == frozenset()


def test_a_host_is_called_as_ec2_names_it_now_and_by_its_record_where_ec2_has_no_name() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    for host in (first, second):
        scene.put_record(host, RecordState.HELD, name=f"old-{host.name}")
        scene.take_out(host)
        for entry in scene.places[host.id]:
            del scene.balancer.targets[entry]
    scene.inventory.hosts[second.id] = replace(second, name=second.id)
    assert names(survey(scene)) == {"web-1", "old-web-2", "web-3"}


def test_a_closed_record_brings_no_host_into_the_fleet() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.ledger.kept[first.id] = a_record(first, scene.places[first.id], RecordState.IN_SERVICE)
    scene.take_out(first)
    assert names(survey(scene, other_pools="ignore")) == {"web-2", "web-3"}


@pytest.mark.rule("T20", "I-1")
def test_hosts_that_only_share_another_pool_are_neighbours() -> None:
    scene = Scene()
    stranger = a_host(7)
    scene.inventory.hosts[stranger.id] = stranger
    scene.balancer.add(a_registration(scene.api, stranger), long_ago=True)
    found = survey(scene)
    assert stranger.id not in found.fleet.hosts
    assert found.fleet.neighbours == {stranger.id: stranger}
    assert found.fleet.registrations[stranger.id] == {a_registration(scene.api, stranger)}


def test_records_of_other_fleets_are_left_alone() -> None:
    scene = Scene()
    stranger = a_host(7)
    elsewhere = a_pool("elsewhere")
    scene.ledger.kept[stranger.id] = a_record(stranger, [a_registration(elsewhere, stranger)])
    assert survey(scene).records == {}


@pytest.mark.rule("F-18")
def test_an_ip_target_is_the_instance_behind_its_address() -> None:
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    found = survey(scene)
    assert names(found) == {"web-1", "web-2", "web-3"}
    assert found.fleet.registrations == {host: frozenset(entries) for host, entries in scene.places.items()}


@pytest.mark.rule("F-18", "I-12")
def test_hosts_of_several_pools_of_addresses_are_all_found_each_in_its_own_network() -> None:
    scene = Scene(
        web=a_pool("web-prod", target_type=TargetType.IP, balancers=(LB,)),
        api=a_pool("api-prod", target_type=TargetType.IP, balancers=(LB,), vpc="vpc-2"),
    )
    far = a_host(7, vpc="vpc-2")
    scene.inventory.hosts[far.id] = far
    scene.balancer.add(a_registration(scene.api, far), long_ago=True)
    assert {"web-1", "web-2", "web-3", "web-7"} <= names(survey(scene))


@pytest.mark.rule("F-18", "I-12")
def test_the_same_address_in_another_network_is_another_host() -> None:
    scene = Scene(web=a_pool("web-prod", target_type=TargetType.IP))
    double = replace(a_host(1), id=HostId("i-double"), vpc="vpc-2")
    scene.inventory.hosts[double.id] = double
    scene.balancer.add(a_registration(scene.api, double), long_ago=True)
    found = survey(scene)
    assert found.fleet.registrations[double.id] == {a_registration(scene.api, double)}


def test_a_host_that_is_leaving_is_still_of_the_fleet_but_registered_nowhere() -> None:
    scene = Scene()
    scene.balancer.deregister(scene.web, sorted(scene.places[scene.hosts[1].id]))
    found = survey(scene)
    assert "web-2" in names(found)
    assert found.fleet.registrations[scene.hosts[1].id] == frozenset()


def test_a_fleet_can_be_narrowed_to_target_groups_and_named_otherwise_in_aws() -> None:
    scene = Scene()
    settings = lb_settings(name="api-prod-lb", target_groups=["api-prod"])
    found = survey_lb("backend", settings, eyes(scene))
    assert (found.fleet.lb, found.fleet.own) == ("backend", {scene.api.id})


def test_an_unknown_balancer_is_not_found() -> None:
    with pytest.raises(NotFound):
        survey_lb("nope", lb_settings(), eyes(Scene()))


@pytest.mark.rule("F-14")
def test_a_look_that_gets_no_answer_is_repeated() -> None:
    scene = Scene()
    scene.balancer.silent_until = scene.clock.time + 60.0
    assert names(survey(scene)) == {"web-1", "web-2", "web-3"}


@pytest.mark.rule("F-15")
def test_a_look_that_never_gets_an_answer_is_no_survey() -> None:
    scene = Scene()
    scene.balancer.silent_until = 1e9
    with pytest.raises(Unanswered):
        survey(scene)


def test_records_that_may_not_be_read_are_no_survey() -> None:
    scene = Scene()

    def denied() -> None:
        raise PermissionDenied("no", action="ssm:GetParametersByPath")

    scene.ledger.records = denied  # type: ignore[method-assign,assignment]
    with pytest.raises(PermissionDenied):
        survey(scene)


# --- hosts by name


def test_hosts_named_by_word_bring_every_host_of_every_pool_they_serve() -> None:
    scene = Scene()
    found = survey_hosts(["web-2"], eyes(scene))
    assert names(found) == {"web-1", "web-2", "web-3"}
    assert found.fleet.own == {scene.web.id}
    assert found.fleet.lb == LB


@pytest.mark.parametrize("word", ["web-1", "i-0a1b2c3d4e5f60001"])
def test_a_host_that_ec2_has_forgotten_is_found_by_its_record(word: str) -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    scene.inventory.hosts.pop(first.id)
    found = survey_hosts([word], eyes(scene))
    assert found.fleet.hosts[first.id].name == "web-1"
    assert found.fleet.own == {scene.web.id, scene.api.id}


def test_a_host_that_is_out_is_found_with_the_pools_of_its_record() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.put_record(first, RecordState.HELD)
    scene.take_out(first)
    found = survey_hosts(["web-1"], eyes(scene))
    assert (found.fleet.own, found.fleet.lb) == ({scene.web.id, scene.api.id}, "api-prod-lb,web-prod-lb")
    assert names(found) == {"web-1", "web-2", "web-3"}


def test_a_name_that_several_hosts_have_is_refused_with_their_ids() -> None:
    scene = Scene()
    double = replace(scene.hosts[0], id=HostId("i-double"))
    scene.inventory.hosts[double.id] = double
    with pytest.raises(NotFound) as refused:
        survey_hosts(["web-1"], eyes(scene))
    assert refused.value.why == (f"web-1 ({scene.hosts[0].id}), web-1 (i-double)",)
    assert refused.value.fix == ("use the instance id",)


def test_a_name_that_several_records_have_is_refused_too() -> None:
    scene = Scene()
    first, second, _ = scene.hosts
    scene.put_record(first, RecordState.HELD, name="twin")
    scene.put_record(second, RecordState.HELD, name="twin")
    with pytest.raises(NotFound, match="several hosts"):
        survey_hosts(["twin"], eyes(scene))


def test_a_word_for_nobody_is_not_found_and_names_those_who_are_out() -> None:
    scene = Scene()
    scene.put_record(scene.hosts[0], RecordState.HELD)
    with pytest.raises(NotFound) as refused:
        survey_hosts(["nope"], eyes(scene))
    assert refused.value.near == ("web-1",)
    assert "elbroll status " in refused.value.fix[0]


@pytest.mark.rule("F-17", "I-12")
def test_a_host_in_no_pool_and_no_record_is_not_guessed_about() -> None:
    scene = Scene()
    alone = [a_host(8), a_host(9)]
    scene.inventory.hosts |= {host.id: host for host in alone}
    both = re.escape(f"web-8 ({alone[0].id}), web-9 ({alone[1].id}): registered in no pool")
    with pytest.raises(NotFound, match=f"^{both}"):
        survey_hosts(["web-8", "web-9"], eyes(scene))


def out_of_nowhere(scene: Scene) -> Host:
    """A host that is recorded as out of a pool which was deleted."""
    alone = a_host(9)
    scene.inventory.hosts[alone.id] = alone
    scene.ledger.kept[alone.id] = a_record(alone, [a_registration(PAY, alone)], RecordState.HELD)
    return alone


@pytest.mark.rule("F-35")
def test_a_host_whose_record_names_only_pools_that_are_gone_is_not_called_unrecorded() -> None:
    scene = Scene()
    out_of_nowhere(scene)
    with pytest.raises(NotFound, match="and recorded as out, but pay no longer exists") as refused:
        survey_hosts(["web-9"], eyes(scene))
    assert refused.value.fix == ("elbroll restore web-9 --give-up pay     closes its record",)


@pytest.mark.rule("F-35")
def test_a_record_alone_makes_a_fleet_of_no_pool_where_that_is_wanted() -> None:
    scene = Scene()
    alone = out_of_nowhere(scene)
    found = survey_hosts(["web-9"], eyes(scene), poolless=True)
    assert (found.fleet.lb, found.fleet.pools, names(found)) == ("web-9", {}, {"web-9"})
    assert found.records.keys() == {alone.id}


@pytest.mark.rule("F-17", "I-12")
def test_a_host_in_no_pool_and_no_record_is_not_guessed_about_even_then() -> None:
    scene = Scene()
    scene.inventory.hosts |= {host.id: host for host in [a_host(8)]}
    with pytest.raises(NotFound, match="not recorded as out"):
        survey_hosts(["web-8"], eyes(scene), poolless=True)


# --- two surveys


def test_two_surveys_of_an_unchanged_fleet_are_the_same() -> None:
    scene = Scene()
    before = survey(scene)
    scene.clock.sleep(60.0)
    assert survey(scene).same_as(before)


def test_a_survey_after_a_change_is_not_the_same() -> None:
    scene = Scene()
    before = survey(scene)
    scene.put_record(scene.hosts[0], RecordState.HELD)
    recorded = survey(scene)
    scene.take_out(scene.hosts[0])
    assert not recorded.same_as(before)
    assert not survey(scene).same_as(recorded)


# --- Auto Scaling groups -----------------------------------------------------------------------------


def grouped(scene: Scene) -> Scene:
    """web-1 and web-2 carry the tag of `web-asg`."""
    members = scene.hosts[:2]
    scene.groups.around("web-asg", members, (scene.web,))
    scene.inventory.hosts |= {host.id: replace(host, group="web-asg") for host in members}
    return scene


@pytest.mark.rule("A1", "A6")
def test_groups_are_read_where_a_host_carries_a_groups_tag() -> None:
    scene = grouped(Scene())
    scaling = survey(scene).fleet.scaling
    assert scaling.groups.keys() == {"web-asg"}
    assert scaling.members.keys() == {host.id for host in scene.hosts[:2]}


@pytest.mark.rule("A6")
def test_a_tag_alone_makes_no_member() -> None:
    scene = grouped(Scene())
    del scene.groups.places[scene.hosts[0].id]
    assert survey(scene).fleet.scaling.members.keys() == {scene.hosts[1].id}


@pytest.mark.rule("A3", "I-4")
def test_the_group_that_a_record_names_is_read_beside_the_one_the_host_is_in_now() -> None:
    scene = grouped(Scene())
    third = scene.hosts[2]
    scene.groups.around("old-asg", (), (scene.web,))
    scene.put_record(third, RecordState.HELD, standby_group="old-asg")
    assert survey(scene).fleet.scaling.groups.keys() == {"web-asg", "old-asg"}


@pytest.mark.rule("F-21")
def test_without_tags_and_records_no_group_is_asked_for() -> None:
    scene = Scene()
    scene.groups.denied = PermissionDenied("refused", action="autoscaling:DescribeAutoScalingInstances")
    assert survey(scene).fleet.scaling.unread is None


@pytest.mark.rule("F-21", "F-20")
@pytest.mark.parametrize(
    "error",
    [PermissionDenied("refused", action="autoscaling:DescribeAutoScalingInstances"), AwsRefused("refused")],
    ids=["not permitted", "not offered"],
)
def test_groups_that_may_not_be_read_are_known_by_their_tags(error: ElbrollError) -> None:
    scene = grouped(Scene())
    scene.groups.denied = error
    scaling = survey(scene).fleet.scaling
    assert (scaling.unread, scaling.groups) == ("refused", {})
    assert {(member.lifecycle, member.said) for member in scaling.members.values()} == {(Lifecycle.UNKNOWN, "unread")}


@pytest.mark.rule("A3", "I-4")
def test_a_host_recorded_to_stand_by_is_looked_up_without_its_tag() -> None:
    scene = Scene()
    scene.groups.around("web-asg", scene.hosts[:1], (scene.web,))
    scene.groups.put(scene.hosts[0], Lifecycle.STANDBY)
    scene.put_record(scene.hosts[0], RecordState.HELD, standby_group="web-asg")
    scene.take_out(scene.hosts[0])
    scaling = survey(scene).fleet.scaling
    assert scaling.members[scene.hosts[0].id].lifecycle is Lifecycle.STANDBY


@pytest.mark.rule("F-53")
def test_looking_again_finds_who_has_joined_the_same_pools() -> None:
    scene = Scene()
    before = survey(scene)
    joined = a_host(7)
    scene.inventory.hosts[joined.id] = joined
    scene.balancer.add(a_registration(scene.web, joined))
    scene.balancer.add(a_registration(scene.api, a_host(8)))
    now = survey_again(before, eyes(scene))
    assert now.fleet.hosts.keys() - before.fleet.hosts.keys() == {joined.id}


@pytest.mark.rule("F-53", "F-35")
def test_looking_again_passes_over_a_pool_that_has_been_deleted() -> None:
    scene = Scene()
    everything = replace(scene.web, balancers=(LB,)), replace(scene.api, balancers=(LB,))
    looking = replace(eyes(scene), directory=FakeDirectory(everything, scene.balancer))
    before = survey_lb(LB, lb_settings(), looking)
    joined = a_host(7)
    scene.inventory.hosts[joined.id] = joined
    scene.balancer.add(a_registration(scene.web, joined))
    scene.balancer.deleted.add(scene.api.id)
    now = survey_again(before, looking)
    assert before.fleet.own == {scene.web.id, scene.api.id}
    assert now.fleet.hosts.keys() - before.fleet.hosts.keys() == {joined.id}
    scene.balancer.deleted.add(scene.web.id)
    with pytest.raises(NotFound, match="none of the pools"):
        survey_again(before, looking)


@pytest.mark.rule("A7", "F-53")
def test_looking_again_reads_a_group_of_which_nobody_serves_any_more() -> None:
    scene = Scene()
    first = scene.hosts[0]
    scene.inventory.hosts[first.id] = replace(first, group="web-asg")
    scene.groups.around("web-asg", [first], (scene.web,))
    before = survey(scene)
    scene.take_out(first)
    launched = HostId("i-0f")
    scene.groups.kept["web-asg"] = replace(scene.groups.kept["web-asg"], hosts=frozenset({launched}))
    now = survey_again(before, eyes(scene))
    assert now.fleet.scaling.groups["web-asg"].hosts == {launched}


# --- what only a record says -----------------------------------------------------------------------------


def forged(scene: Scene, *, known: bool) -> Eyes:
    """A record that names a pool in which only strangers serve, and whether a run has ever held that pool."""
    first, stranger = scene.hosts[0], a_host(9)
    scene.inventory.hosts[stranger.id] = stranger
    scene.balancer.add(a_registration(PAY, stranger), long_ago=True)
    scene.ledger.kept[first.id] = a_record(first, [a_registration(PAY, first)], RecordState.HELD)
    scene.ledger.never_locked = set() if known else {PAY.id}
    return replace(eyes(scene), directory=FakeDirectory((*scene.pools, PAY), scene.balancer))


@pytest.mark.rule("S-5", "I-12")
@pytest.mark.parametrize("by_name", [True, False])
def test_a_pool_that_only_a_record_names_is_strange_unless_a_run_has_held_it(by_name: bool) -> None:
    for known, strange in ((True, set()), (False, {PAY.id})):
        looking = forged(Scene(), known=known)
        found = survey_hosts(["web-1"], looking) if by_name else survey_lb(LB, lb_settings(), looking)
        assert found.fleet.strange == strange
        assert PAY.id in found.fleet.pools


@pytest.mark.rule("S-5", "I-4")
def test_a_pool_that_our_own_run_has_emptied_is_not_strange() -> None:
    scene = Scene()
    for host in scene.hosts:
        scene.put_record(host, RecordState.HELD)
        scene.take_out(host)
    assert survey(scene).fleet.strange == set()
    assert survey_hosts(["web-1"], eyes(scene)).fleet.strange == set()


@pytest.mark.rule("S-5", "Q2")
def test_what_aws_shows_needs_no_lock_to_prove_it() -> None:
    scene = Scene()
    scene.put_record(scene.hosts[0], RecordState.HELD)
    scene.take_out(scene.hosts[0])
    scene.ledger.pools = None  # type: ignore[method-assign,assignment]
    assert survey(scene).fleet.strange == set()
