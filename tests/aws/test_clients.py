"""Clients are made in one place with explicit patience, and only towards places we may talk to (B1, B6, B7, S-13)."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.stub import Stubber

import elbroll
from elbroll import __version__
from elbroll.aws import Clients
from elbroll.errors import CredentialsError, Unanswered, UsageError

SERVICES = ("elbv2", "elb", "ec2", "autoscaling", "ssm", "s3", "sts")


@pytest.mark.rule("B1", "B6")
@pytest.mark.parametrize("service", SERVICES)
def test_every_client_has_our_own_timeouts_and_retries(clients: Clients, service: str) -> None:
    config = getattr(clients, service).meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (5, 20, 16)
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 5)
    assert config.user_agent_extra == f"elbroll/{__version__}"


@pytest.mark.rule("B6")
def test_threads_share_one_client_even_if_all_come_at_once() -> None:
    fresh = Clients(region="us-east-1")
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: id(fresh.sts), range(8)))
    assert len(made) == 1


@pytest.mark.rule("B7")
def test_identity_names_account_region_and_partition(clients: Clients) -> None:
    who = clients.identity()
    assert (who.account, who.region, who.partition) == ("123456789012", "us-east-1", "aws")


def test_the_region_comes_from_the_environment_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    assert Clients().region == "eu-west-3"


def test_no_region_at_all_is_a_usage_error_that_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    with pytest.raises(UsageError, match="no AWS region"):
        _ = Clients().region


@pytest.mark.rule("F-3")
def test_a_profile_that_does_not_exist_is_named() -> None:
    with pytest.raises(CredentialsError, match='"no-such-profile" does not exist'):
        _ = Clients(profile="no-such-profile", region="us-east-1").sts


@pytest.mark.rule("F-3")
def test_a_profile_from_the_environment_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone-profile")
    with pytest.raises(CredentialsError, match='"gone-profile" does not exist'):
        _ = Clients(region="us-east-1").sts


def test_a_broken_aws_config_file_is_the_users_to_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "config"
    broken.write_text("no section\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(broken))
    with pytest.raises(UsageError):
        _ = Clients().region


@pytest.mark.rule("S-13")
@pytest.mark.parametrize("endpoint", ["http://10.0.0.5:5000", "http://aws.example.com", "http://127.0.0.1.example.com"])
def test_an_endpoint_without_encryption_is_refused_off_this_computer(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(UsageError, match="plain http"):
        _ = Clients(region="us-east-1").sts


@pytest.mark.rule("S-13")
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:5000", "http://localhost:5000", "http://[::1]:5000"])
def test_an_endpoint_on_this_computer_may_be_plain(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert Clients(region="us-east-1").sts.meta.endpoint_url == endpoint


@pytest.mark.rule("S-13")
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM"])
def test_an_endpoint_from_the_environment_is_told(clients: Clients, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = clients.endpoint
    monkeypatch.setenv(name, "https://aws.example.com")
    assert (before, clients.endpoint) == (None, "https://aws.example.com")


@pytest.mark.rule("S-13")
def test_every_foreign_endpoint_is_told_and_none_hides_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://vpce-1.elasticloadbalancing.us-east-1.vpce.amazonaws.com")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "https://ledger.example.com")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://sts.amazonaws.com.example.com")
    assert Clients(region="us-east-1").endpoint == "https://ledger.example.com, https://sts.amazonaws.com.example.com"


@pytest.mark.rule("S-13")
def test_an_endpoint_of_the_users_aws_files_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nendpoint_url = https://aws.example.com\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    fresh = Clients(region="us-east-1")
    assert fresh.sts.meta.endpoint_url == "https://aws.example.com"
    assert fresh.endpoint == "https://aws.example.com"


@pytest.mark.rule("S-13")
@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1"])
@pytest.mark.parametrize("service", SERVICES)
def test_aws_itself_is_no_foreign_endpoint(region: str, service: str) -> None:
    fresh = Clients(region=region)
    _ = getattr(fresh, service)
    assert fresh.endpoint is None


@pytest.mark.rule("B5")
def test_no_waiter_of_the_sdk_is_used_anywhere() -> None:
    source = Path(elbroll.__file__).parent
    assert [path for path in source.rglob("*.py") if "get_waiter" in path.read_text()] == []


IMPORTS = """
import sys, elbroll.aws, elbroll.balancers, elbroll.inventory
sys.exit("boto3" in sys.modules or "botocore" in sys.modules)
"""


def test_importing_our_rooms_does_not_import_boto3() -> None:
    assert subprocess.run([sys.executable, "-c", IMPORTS], check=False).returncode == 0


@pytest.mark.rule("F-15", "B7")
def test_an_identity_without_a_partition_is_half_an_answer(clients: Clients) -> None:
    with Stubber(clients.sts) as stubber:
        stubber.add_response("get_caller_identity", {"Account": "123456789012", "Arn": "an-operator-by-another-name"})
        with pytest.raises(Unanswered, match="half an answer to sts:GetCallerIdentity"):
            clients.identity()
