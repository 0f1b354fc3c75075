"""The shape of elbroll.toml: every key with its type, default and meaning, and nothing else.

`Settings` is what the rest of elbroll reads: durations are seconds (float), counts and shares are `Amount`,
shell lines are tuples. One table serves three readers: the loader, `config schema`, elbroll.toml.example.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from elbroll.config.types import amount, duration, duration_or_auto, lines, path_list
from elbroll.model import Amount

Duration = Annotated[float, BeforeValidator(duration)]
DurationOrAuto = Annotated[float | None, BeforeValidator(duration_or_auto)]
"""None stands for "auto"."""
Lines = Annotated[tuple[str, ...], BeforeValidator(lines)]
Paths = Annotated[tuple[str, ...], BeforeValidator(path_list)]
Share = Annotated[Amount, BeforeValidator(amount)]


class Table(BaseModel):
    """A table of elbroll.toml: frozen, unknown keys are errors, no type is bent into another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Aws(Table):
    """`[aws]`"""

    region: str | None = Field(None, description="region of the balancers; default: AWS's own order")
    profile: str | None = Field(None, description="named profile; ignored where the environment brings credentials")
    account: str | None = Field(None, description="compared with the caller's account before anything else")


class Ssh(Table):
    """`[ssh]`"""

    user: str | None = Field(None, description="login name; default: ssh_config, else your own")
    port: int | None = Field(None, ge=1, le=65535, description="default: ssh_config, else 22")
    address: Literal["private", "public", "private-dns", "public-dns", "name", "instance-id"] = Field(
        "private", description="what is dialled and matched in ssh_config"
    )
    identity_file: str | None = Field(None, description="private key; default: as ssh_config says")
    config_file: str = Field("~/.ssh/config", description='ssh_config to read; "" reads none')
    proxy_jump: str | None = Field(None, description="bastion(s), as in ssh_config")
    known_hosts: Paths | None = Field(None, description="matched by instance id first, then address")
    host_keys: Literal["strict", "accept-new", "console"] = Field(
        "strict", description="what becomes of an unknown host key; a changed one is always refused"
    )
    connect_timeout: Duration = Field(10.0, description="TCP, banner and login together")


class LedgerTable(Table):
    """`[ledger]`"""

    store: str = Field("ssm", description='"ssm", "s3://bucket/prefix" or "file:PATH"')


class Upload(Table):
    """One entry of `deploy.upload`."""

    from_: str = Field(alias="from", description="local file")
    to: str = Field(description="path on the host")
    mode: str = Field("0644", pattern=r"^0?[0-7]{3}$", description="permissions, octal")


class Deploy(Table):
    """`[lb.NAME.deploy]`"""

    prepare: Lines = Field((), description="on every host while still in service, before the first drain")
    upload: tuple[Upload, ...] = Field((), description="files for the hosts, with prepare; whole or not at all")
    commands: Lines = Field((), description="on the drained host, in order; only exit 0 is success")
    rollback: Lines = Field((), description="on a host whose deploy or verify failed; the roll halts all the same")
    timeout: Duration = Field(600.0, description="all commands of one host (likewise prepare, rollback)")
    workdir: str | None = Field(None, description="directory on the host; must exist")
    env: dict[str, str] = Field({}, description="extra exported variables, plain text")
    secrets: dict[str, str] = Field({}, description='name = "env:X", "file:PATH" or "ssm:/path"')


class Drain(Table):
    """`[lb.NAME.drain]`"""

    until: Literal["idle", "reported"] = Field("idle", description="no connection left, or the balancer's word")
    settle: DurationOrAuto = Field(None, description='how long it must stay quiet; "auto" goes by kind of balancer')
    timeout: DurationOrAuto = Field(None, description='"auto": longest deregistration delay + 60s')


class Expect(Table):
    """`verify.expect` as a table."""

    status: str | None = Field(None, description='statuses that are well, as in "200-299"')
    body: str | None = Field(None, description="text that the answer must contain")


class Verify(Table):
    """`[lb.NAME.verify]`"""

    http: str = Field("auto", description='"auto", "/path", "http://:9000/ready" or "off"')
    command: str | None = Field(None, description="on the host; exit 0 is well")
    expect: str | Expect | None = Field(None, description="default: the pool's matcher")
    consecutive: int = Field(3, ge=1, description="good answers in a row")
    interval: Duration = Field(1.0, description="between looks")
    timeout: Duration = Field(120.0, description="until verify has failed")
    version: str | None = Field(None, description="path or shell line whose trimmed answer must be the release")


class Canary(Table):
    """`pace.canary` as a table."""

    hosts: Share = Field(description="size of the first batch")
    bake: Duration = Field(0.0, description="watched before the next batch")
    command: str | None = Field(None, description="a local judge")


class Pace(Table):
    """`[lb.NAME.pace]`"""

    max_unavailable: Share = Field(Amount(count=1), description="hosts out at once, over all pools")
    floor: Share | None = Field(None, description="in service at least, per pool")
    canary: Share | Canary | None = Field(None, description="size of a first batch, or a table")
    bake: Duration = Field(0.0, description="in service and watched before the next batch")
    max_failures: int = Field(0, ge=0, description="left-out hosts borne before the roll halts")
    order: Literal["spread", "zone", "name"] = Field("spread", description="which host comes next")


class Guard(Table):
    """`[lb.NAME.guard]`"""

    alarms: tuple[str, ...] = Field((), description="CloudWatch alarms; one that turns red halts")


class Asg(Table):
    """`[lb.NAME.asg]`"""

    mode: Literal["refuse", "standby", "ignore"] = Field("refuse", description="members of a replacing group")


class Hooks(Table):
    """`[hooks]`"""

    gate: tuple[str, ...] = Field((), description="run locally before the first drain; non-zero refuses")
    started: tuple[str, ...] = Field((), description="told only")
    finished: tuple[str, ...] = Field((), description="told only")


class LbSettings(Table):
    """`[lb.NAME]` with `[defaults]` merged in."""

    name: str | None = Field(None, description="the balancer's name in AWS; default: the table's")
    target_groups: tuple[str, ...] = Field((), description="only these pools make the fleet")
    other_pools: Literal["drain", "refuse", "ignore"] = Field("drain", description="hosts also serve elsewhere")
    transport: Literal["ssh", "ssm"] = Field("ssh", description="how commands reach a host")
    deploy: Deploy = Deploy()
    drain: Drain = Drain()
    verify: Verify = Verify()
    pace: Pace = Pace()
    guard: Guard = Guard()
    asg: Asg = Asg()


class Settings(Table):
    """The whole file, `[defaults]` already merged into each `[lb.NAME]`."""

    aws: Aws = Aws()
    ssh: Ssh = Ssh()
    ledger: LedgerTable = LedgerTable()
    hooks: Hooks = Hooks()
    defaults: LbSettings = LbSettings()
    lb: dict[str, LbSettings] = {}
