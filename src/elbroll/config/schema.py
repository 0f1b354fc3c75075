"""The shape of elbroll.toml: every key with its type, default and meaning, and nothing else.

`Settings` is what the rest of elbroll reads: durations are seconds (float), counts and shares are `Amount`,
shell lines are tuples. One table serves three readers: the loader, `config schema`, elbroll.toml.example.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from elbroll.config import places, types
from elbroll.model import Amount

_LINE = {"type": "string", "minLength": 1}
_LIST = {"type": "array", "items": _LINE}
_SPAN = {"type": "string", "pattern": r"^(?=.)(\d+h)?(\d+m)?(\d+(\.\d+)?s)?$"}
_AMOUNT = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\d+(\.\d+)?%$"}]}
_AUTO = {"anyOf": [{"const": "auto"}, _SPAN]}
_ONE_OR_MORE = {"anyOf": [_LINE, _LIST]}

Duration = Annotated[float, BeforeValidator(types.duration), WithJsonSchema(_SPAN)]
Limit = Annotated[float, BeforeValidator(types.limit), WithJsonSchema(_SPAN)]
DurationOrAuto = Annotated[float | None, BeforeValidator(types.duration_or_auto), WithJsonSchema(_AUTO)]
LimitOrAuto = Annotated[float | None, BeforeValidator(types.limit_or_auto), WithJsonSchema(_AUTO)]
"""None stands for "auto"."""
Lines = Annotated[tuple[str, ...], BeforeValidator(types.lines), WithJsonSchema(_ONE_OR_MORE)]
Paths = Annotated[tuple[str, ...], BeforeValidator(types.paths), WithJsonSchema(_ONE_OR_MORE)]
Texts = Annotated[tuple[str, ...], BeforeValidator(types.texts), WithJsonSchema(_LIST)]
Share = Annotated[Amount, BeforeValidator(types.amount), WithJsonSchema(_AMOUNT)]
OneLine = Annotated[str, BeforeValidator(types.one_line)]
ShellLine = Annotated[str, BeforeValidator(types.shell_line)]
Path = Annotated[str, BeforeValidator(types.path)]
Word = Annotated[str, BeforeValidator(types.word)]
Account = Annotated[str, BeforeValidator(places.account)]
Store = Annotated[str, BeforeValidator(places.store)]
Variable = Annotated[str, BeforeValidator(places.variable)]
PlainValue = Annotated[str, BeforeValidator(places.plain_value)]
Secret = Annotated[str, BeforeValidator(places.secret)]
TargetPath = Annotated[str, BeforeValidator(places.target_path)]
Mode = Annotated[str, BeforeValidator(places.mode)]
Argv = Annotated[tuple[str, ...], BeforeValidator(places.argv), WithJsonSchema(_ONE_OR_MORE)]
Statuses = Annotated[str, BeforeValidator(places.statuses)]

TABLE, OTHER = "<table>", "<other>"
"""Tags of the two ways in which some keys may be written; no key of TOML's is meant by them."""


def _way(value: object) -> str:
    return TABLE if isinstance(value, (dict, BaseModel)) else OTHER


class Table(BaseModel):
    """A table of elbroll.toml: frozen, unknown keys are errors, no type is bent into another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Aws(Table):
    """`[aws]`"""

    region: OneLine | None = Field(None, description="region of the balancers; default: AWS's own order")
    profile: OneLine | None = Field(None, description="named profile; ignored where the environment brings credentials")
    account: Account | None = Field(None, description="compared with the caller's account before anything else")


class Ssh(Table):
    """`[ssh]`"""

    user: Word | None = Field(None, description="login name; default: ssh_config, else your own")
    port: int | None = Field(None, ge=1, le=65535, description="default: ssh_config, else 22")
    address: Literal["private", "public", "private-dns", "public-dns", "name", "instance-id"] = Field(
        "private", description="what is dialled and matched in ssh_config"
    )
    identity_file: Path | None = Field(None, description="private key; default: as ssh_config says")
    config_file: str = Field("~/.ssh/config", description='ssh_config to read; "" reads none')
    proxy_jump: Word | None = Field(None, description="bastion(s), as in ssh_config")
    known_hosts: Paths | None = Field(None, description="matched by instance id first, then address")
    host_keys: Literal["strict", "accept-new", "console"] = Field(
        "strict", description="what becomes of an unknown host key; a changed one is always refused"
    )
    connect_timeout: Limit = Field(10.0, description="TCP, banner and login together")


class LedgerTable(Table):
    """`[ledger]`"""

    store: Store = Field("ssm", description='"ssm", "s3://bucket/prefix" or "file:PATH"')


class Upload(Table):
    """One entry of `deploy.upload`."""

    from_: Path = Field(alias="from", description="local file")
    to: TargetPath = Field(description="path on the host")
    mode: Mode = Field("0644", description="permissions, octal")


Uploads = Annotated[tuple[Upload, ...], BeforeValidator(types.items)]


class Deploy(Table):
    """`[lb.NAME.deploy]`"""

    prepare: Lines = Field((), description="on every host while still in service, before the first drain")
    upload: Uploads = Field((), description="files for the hosts, with prepare; whole or not at all")
    commands: Lines = Field((), description="on the drained host, in order; only exit 0 is success")
    rollback: Lines = Field((), description="on a host whose deploy or verify failed; the roll halts all the same")
    timeout: Limit = Field(600.0, description="all commands of one host (likewise prepare, rollback)")
    workdir: OneLine | None = Field(None, description="directory on the host; must exist")
    env: dict[Variable, PlainValue] = Field({}, description="extra exported variables, plain text")
    secrets: dict[Variable, Secret] = Field({}, description='name = "env:X", "file:PATH" or "ssm:/path"')


class Drain(Table):
    """`[lb.NAME.drain]`"""

    until: Literal["idle", "reported"] = Field("idle", description="no connection left, or the balancer's word")
    settle: DurationOrAuto = Field(None, description='how long it must stay quiet; "auto" goes by kind of balancer')
    timeout: LimitOrAuto = Field(None, description='"auto": longest deregistration delay + 60s')


class Expect(Table):
    """`verify.expect` as a table."""

    status: Statuses | None = Field(None, description='statuses that are well, as in "200-299"')
    body: PlainValue | None = Field(None, description="text that the answer must contain")


ExpectOrStatuses = Annotated[
    Annotated[Expect, Tag(TABLE)] | Annotated[Statuses, Tag(OTHER)],
    Discriminator(_way),
]


class Verify(Table):
    """`[lb.NAME.verify]`"""

    http: str = Field("auto", description='"auto", "/path", "http://:9000/ready" or "off"')
    command: ShellLine | None = Field(None, description="on the host; exit 0 is well")
    expect: ExpectOrStatuses | None = Field(None, description="default: the pool's matcher")
    consecutive: int = Field(3, ge=1, description="good answers in a row")
    interval: Limit = Field(1.0, description="between looks")
    timeout: Limit = Field(120.0, description="until verify has failed")
    version: ShellLine | None = Field(None, description="path or shell line whose trimmed answer must be the release")


class Canary(Table):
    """`pace.canary` as a table."""

    hosts: Share = Field(description="size of the first batch")
    bake: Duration = Field(0.0, description="watched before the next batch")
    command: ShellLine | None = Field(None, description="a local judge")


CanaryOrShare = Annotated[
    Annotated[Canary, Tag(TABLE)] | Annotated[Share, Tag(OTHER)],
    Discriminator(_way),
]


class Pace(Table):
    """`[lb.NAME.pace]`"""

    max_unavailable: Share = Field(Amount(count=1), description="hosts out at once, over all pools")
    floor: Share | None = Field(None, description="in service at least, per pool")
    canary: CanaryOrShare | None = Field(None, description="size of a first batch, or a table")
    bake: Duration = Field(0.0, description="in service and watched before the next batch")
    max_failures: int = Field(0, ge=0, description="left-out hosts borne before the roll halts")
    order: Literal["spread", "zone", "name"] = Field("spread", description="which host comes next")


class Guard(Table):
    """`[lb.NAME.guard]`"""

    alarms: Texts = Field((), description="CloudWatch alarms; one that turns red halts")


class Asg(Table):
    """`[lb.NAME.asg]`"""

    mode: Literal["refuse", "standby", "ignore"] = Field("refuse", description="members of a replacing group")


class Hooks(Table):
    """`[hooks]`"""

    gate: Argv = Field((), description="run locally, without a shell, before the first drain; non-zero refuses")
    started: Argv = Field((), description="run locally and told that a run begins; its failure is a warning")
    finished: Argv = Field((), description="run locally and told how a run ended; its failure is a warning")


class Defaults(Table):
    """`[defaults]`: whatever may hold for every load balancer."""

    other_pools: Literal["drain", "refuse", "ignore"] = Field("drain", description="hosts also serve elsewhere")
    transport: Literal["ssh", "ssm"] = Field("ssh", description="how commands reach a host")
    deploy: Deploy = Deploy()
    drain: Drain = Drain()
    verify: Verify = Verify()
    pace: Pace = Pace()
    guard: Guard = Guard()
    asg: Asg = Asg()


class LbSettings(Defaults):
    """`[lb.NAME]` with `[defaults]` merged in."""

    name: OneLine | None = Field(None, description="the balancer's name in AWS; default: the table's")
    target_groups: Texts = Field((), description="only these pools make the fleet")


class Written(Table):
    """elbroll.toml as users write it: nothing merged yet."""

    aws: Aws = Aws()
    ssh: Ssh = Ssh()
    ledger: LedgerTable = LedgerTable()
    hooks: Hooks = Hooks()
    defaults: Defaults = Defaults()
    lb: dict[str, LbSettings] = {}


class Settings(Written):
    """The whole file, `[defaults]` already merged into each `[lb.NAME]`."""

    defaults: LbSettings = LbSettings()
