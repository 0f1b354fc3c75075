from __future__ import annotations

import inspect
from typing import Any

import boto3
import moto
import pytest

from elbroll.demo.lifelike import FakeApps, Faults, Lifelike, MotoClients, Simulation, VirtualClock, World, guarded
from elbroll.demo.lifelike.aws import additions, patches
from elbroll.demo.lifelike.patching import Addition, Patch, added, patched, stock

PATCHES = patches(Simulation(VirtualClock(), FakeApps()), Faults())
ADDITIONS = additions(Simulation(VirtualClock(), FakeApps()))
NAMES = [f"{patch.owner.__name__}.{patch.name}" for patch in PATCHES]


def without_owner(function: Any) -> list[tuple[str, Any, Any]]:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [(one.name, one.kind, one.default) for one in parameters]


@pytest.mark.rule("M6")
@pytest.mark.parametrize("patch", PATCHES, ids=NAMES)
def test_every_replacement_takes_what_motos_method_takes(patch: Patch) -> None:
    assert without_owner(patch.instead) == without_owner(stock(patch.owner, patch.name))


@pytest.mark.rule("M6")
def test_stock_moto_still_lies_about_draining_and_warming_up() -> None:
    """When this fails, moto has learned to drain: then much of this package is no longer needed."""
    with guarded(), moto.mock_aws():
        world = World(MotoClients())
        vpc = world.a_vpc()
        _, groups = world.an_alb_with_groups("web", vpc, {"web": 8080})
        group = groups["web"]
        host = world.launch(vpc, "web-1")
        world.register(group, host)
        fresh = world.elbv2.describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"]
        world.elbv2.deregister_targets(TargetGroupArn=group.arn, Targets=[{"Id": host}])
        left = world.elbv2.describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"]
    assert ([row["TargetHealth"]["State"] for row in fresh], left) == (["healthy"], [])


@pytest.mark.rule("M6")
def test_everything_is_put_back_even_after_an_error() -> None:
    before = [stock(patch.owner, patch.name) for patch in PATCHES]
    with pytest.raises(ZeroDivisionError), Lifelike(Simulation(VirtualClock(), FakeApps())):
        raise ZeroDivisionError
    assert [getattr(patch.owner, patch.name) for patch in PATCHES] == before


def test_installing_by_hand_is_undone_by_hand_and_undoing_twice_is_harmless() -> None:
    lifelike = Lifelike(Simulation(VirtualClock(), FakeApps()))
    lifelike.install()
    installed = [getattr(patch.owner, patch.name) for patch in PATCHES]
    lifelike.uninstall()
    lifelike.uninstall()
    assert all(one is not getattr(patch.owner, patch.name) for one, patch in zip(installed, PATCHES, strict=True))


def test_of_two_worlds_the_one_made_last_rules_alone() -> None:
    outer, inner = (Simulation(VirtualClock(), FakeApps()) for _ in range(2))
    with guarded(), moto.mock_aws(), Lifelike(outer), Lifelike(inner):
        boto3.client("sts", region_name="us-east-1").get_caller_identity()
    assert ([call.action for call in outer.timeline.calls()], len(inner.timeline.calls())) == ([], 1)


def test_a_patch_that_cannot_be_made_leaves_none_behind() -> None:
    class Thing:
        def name(self) -> str:
            return "stock"

    good = Patch(Thing, "name", lambda _: "ours")
    bad = Patch(Thing, "nowhere", lambda _: "ours")
    with pytest.raises(AttributeError), patched([good, bad]):
        pass
    assert Thing().name() == "stock"


@pytest.mark.rule("M6", "M3")
@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.name)
def test_what_moto_is_lent_it_still_lacks(addition: Addition) -> None:
    """When this fails, moto has learned the call: then ours is no longer needed."""
    assert not hasattr(addition.owner, addition.name)


@pytest.mark.rule("M6")
def test_what_was_lent_is_taken_back_and_of_two_worlds_the_inner_one_lends() -> None:
    class Thing:
        pass

    outer, inner = (Addition(Thing, "name", lambda _, word=word: word) for word in ("outer", "inner"))
    said = []
    with added([outer]):
        with added([inner]):
            said.append(Thing().name())  # type: ignore[attr-defined]  # lent
        said.append(Thing().name())  # type: ignore[attr-defined]  # lent
    assert (said, hasattr(Thing, "name")) == (["inner", "outer"], False)
