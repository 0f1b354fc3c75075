"""Makes every AWS client: one a service, shared by all threads (B1, B6)."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from elbroll import __version__
from elbroll.aws.actions import Action
from elbroll.aws.answers import part
from elbroll.aws.door import door
from elbroll.aws.once import send_once
from elbroll.aws.rows import half, whole_rows
from elbroll.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from botocore.credentials import Credentials
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_elb import ElasticLoadBalancingClient
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client
    from types_boto3_s3 import S3Client
    from types_boto3_ssm import SSMClient
    from types_boto3_sts import STSClient

    from elbroll.aws.renewing import Renewable
    from elbroll.model import Validity

ENDPOINT = "AWS_ENDPOINT_URL"
"""With `_SERVICE` behind it, for one service only."""

AWS_DOMAINS = (
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".adc-e.uk",
    ".ic.gov",
    ".sgov.gov",
)
"""Under which AWS answers, in all its partitions; whatever a newer one uses is shown, and no worse for it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who AWS says we are (B7)."""

    account: str
    arn: str
    region: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`, for the ARNs that we print."""
        return self.arn.split(":")[1]


class Clients:
    """Clients for one account and region, made on first use, one at a time. No call is made here."""

    def __init__(self, *, region: str | None = None, profile: str | None = None, connections: int = 16) -> None:
        self._region = region
        self._profile = profile
        self._connections = connections
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._opened: tuple[boto3.Session, Renewable] | None = None
        self._known: Identity | None = None

    @property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        """Application and network load balancers."""
        client: ElasticLoadBalancingv2Client = self._client("elbv2")
        return client

    @property
    def elb(self) -> ElasticLoadBalancingClient:
        """Classic load balancers."""
        client: ElasticLoadBalancingClient = self._client("elb")
        return client

    @property
    def ec2(self) -> EC2Client:
        """Instances, addresses, interfaces."""
        client: EC2Client = self._client("ec2")
        return client

    @property
    def autoscaling(self) -> AutoScalingClient:
        """Auto Scaling groups."""
        client: AutoScalingClient = self._client("autoscaling")
        return client

    @property
    def ssm(self) -> SSMClient:
        """Parameter Store."""
        client: SSMClient = self._client("ssm")
        return client

    @property
    def s3(self) -> S3Client:
        """The stronger ledger store."""
        client: S3Client = self._client("s3")
        return client

    @property
    def sts(self) -> STSClient:
        """Who we are."""
        client: STSClient = self._client("sts")
        return client

    @property
    def region(self) -> str:
        """The region all clients talk to. Raises UsageError where none is set."""
        region = self._region or self._boto().region_name
        if not region:
            raise UsageError(
                "no AWS region is set",
                fix=("--region, AWS_REGION, or region in [aws] of elbroll.toml",),
            )
        return region

    @property
    def endpoint(self) -> str | None:
        """Where calls go that are not for AWS, by the environment or the user's AWS files; the plan shows it (S-13)."""
        with self._lock:
            made = {client.meta.endpoint_url for client in self._made.values()}
        named = {os.environ[name] for name in os.environ if name == ENDPOINT or name.startswith(f"{ENDPOINT}_")}
        return ", ".join(sorted(filter(_foreign, made | named))) or None

    def identity(self) -> Identity:
        """Ask STS who we are. Raises CredentialsError, Unanswered; also where it is not the account it was before."""
        with door(Action.WHO):
            answer = self.sts.get_caller_identity()
        account, arn = (part(answer, name, Action.WHO) for name in ("Account", "Arn"))
        if not arn.startswith("arn:"):
            raise half(Action.WHO, f'"{arn}" is no ARN')
        found = Identity(account, arn, self.region)
        self._known = self._same_account(found.account) or found
        return found

    def validity(self) -> Validity:
        """How long the credentials last, as far as anybody can know. Raises CredentialsError."""
        with door("any call"):
            return self._open()[1].validity()

    def _same_account(self, account: str) -> Identity | None:
        """Fresh credentials must not lead a run into another account (I-14)."""
        if self._known is not None and self._known.account != account:
            raise CredentialsError(
                f"these credentials belong to account {account}, the run began in {self._known.account}",
                fix=("sign in to the account of the run again",),
            )
        return self._known

    def _boto(self) -> boto3.Session:
        return self._open()[0]

    def _open(self) -> tuple[boto3.Session, Renewable]:
        with self._lock:
            if self._opened is None:
                with door("any call"):
                    self._opened = self._session()
            return self._opened

    def _session(self) -> tuple[boto3.Session, Renewable]:
        import boto3  # noqa: PLC0415 - costs 113 ms; --help must not pay it
        import botocore.session  # noqa: PLC0415
        from botocore.exceptions import ProfileNotFound  # noqa: PLC0415

        from elbroll.aws.renewing import Renewable  # noqa: PLC0415

        def chain() -> Credentials | None:
            return botocore.session.Session(profile=self._profile).get_credentials()

        core = botocore.session.Session(profile=self._profile)
        renewable = Renewable(chain, self._check)
        core.register_component("credential_provider", _Chain(renewable))
        try:
            made = boto3.Session(botocore_session=core, profile_name=self._profile, region_name=self._region)
        except ProfileNotFound as error:
            raise CredentialsError(
                f'the AWS profile "{error.kwargs["profile"]}" does not exist', fix=("aws configure list-profiles",)
            ) from error
        return made, renewable

    def _check(self, fresh: Credentials) -> None:
        """Ask STS whose the fresh credentials are, before anything is signed with them."""
        frozen = fresh.get_frozen_credentials()
        keys = {"aws_access_key_id": frozen.access_key, "aws_secret_access_key": frozen.secret_key}
        make: Any = self._boto().client
        sts = make("sts", region_name=self.region, config=self._config(), aws_session_token=frozen.token, **keys)
        whole_rows(sts)
        with door(Action.WHO):
            self._same_account(part(sts.get_caller_identity(), "Account", Action.WHO))

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                # mypy knows a type for each literal name; here the name is a value
                make: Any = self._boto().client
                client = make(service, region_name=self.region, config=self._config())
                _refuse_open_lines(client.meta.endpoint_url)
                renewable = self._open()[1]
                renewable.attach(client)
                send_once(client, renewable.replaced)
                whole_rows(client)
                self._made[service] = client
            return self._made[service]

    def _config(self) -> Config:
        from botocore.config import Config  # noqa: PLC0415

        return Config(
            connect_timeout=5,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 5},
            max_pool_connections=self._connections,
            user_agent_extra=f"elbroll/{__version__}",
        )


@dataclass(frozen=True, slots=True)
class _Chain:
    """The place where botocore looks for credentials."""

    renewable: Renewable

    def load_credentials(self) -> Renewable:
        return self.renewable


def _refuse_open_lines(endpoint: str) -> None:
    """Plain http would show credentials and records to the network; on loopback there is none (S-13)."""
    parts = urlsplit(endpoint)
    if parts.scheme == "https" or _loopback(parts.hostname or ""):
        return
    raise UsageError(
        f"the AWS endpoint {endpoint} is plain http",
        why=("credentials and records would cross the network unprotected",),
        fix=("use https, or an endpoint on this computer",),
    )


def _foreign(endpoint: str) -> bool:
    return bool(endpoint) and not f".{urlsplit(endpoint).hostname}".endswith(AWS_DOMAINS)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
