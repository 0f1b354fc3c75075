"""Everything that elbroll raises on purpose. The exit code sits on the class (`elbroll help exit-codes`).

```
ElbrollError                 1 bug (only where no subclass fits: ours, not the user's)
├── UsageError               2 an option, the config, or consent that is missing without a terminal
│   └── ConfigError          2 all faults of elbroll.toml at once
├── AccessError              3 credentials, permission, SSH login, host key
│   ├── CredentialsError     3 none, expired, or refused as such
│   ├── PermissionDenied     3 AWS refused one action
│   └── HostAccessError      3 SSH refused: login, host key, forbidden forwarding
├── Refused                  5 unknown or empty selection, floor, other pools, stale plan
│   ├── NotFound             5 no such balancer, host or run; lists near names
│   ├── TargetRefused        5 AWS will never take this target back (InvalidTarget, too many)
│   └── StandbyRefused       5 the Auto Scaling group does not let the host stand by, or come back
├── AwsRefused               5 AWS says no, for a reason that elbroll does not know
├── Locked                   6 another run holds the fleet
├── Declined                 8 the answer was no
├── TimedOut                 9 `--timeout` for the whole run
├── Superseded               4 our lock was broken: no further deed (6 if nothing was done)
├── StoreError               4 the ledger's store
│   ├── StoreDown            4 unreachable or throttled: no verdict
│   ├── RecordTooBig         5 over the store's limit; names the S3 store
│   └── IllegalMove          1 a record may not move like this (a bug of ours)
├── Unanswered               4 AWS gave no answer this round; reads settle what happened
│   └── Unreadable           4 something came that is no answer of AWS's
├── PoolGone                 4 the pool no longer exists
├── HostUnreachable          4 no TCP connection, no banner, line lost
└── Interrupted            130 a signal; the code is 128 + the signal's number
```
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller; see `elbroll help exit-codes`."""

    OK = 0
    BUG = 1
    USAGE = 2
    ACCESS = 3
    HALTED = 4
    REFUSED = 5
    LOCKED = 6
    EXPECTATION = 7
    DECLINED = 8
    TIMEOUT = 9
    HELP_NEEDED = 10
    HANGUP = 129
    INTERRUPT = 130
    TERMINATE = 143


class ElbrollError(Exception):
    """An error that explains itself: what (the message), why, what state things are in, what to do.

    `why` and `fix` are lines for people, `now` is one sentence. `code` is a stable word for JSON.
    """

    exit_code: ExitCode = ExitCode.BUG
    code: str = "bug"

    def __init__(
        self,
        message: str,
        *,
        why: tuple[str, ...] = (),
        now: str | None = None,
        fix: tuple[str, ...] = (),
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.why = why
        self.now = now
        self.fix = fix
        if code is not None:
            self.code = code


class UsageError(ElbrollError):
    """A wrong option or argument, or consent that nobody can be asked for."""

    exit_code = ExitCode.USAGE
    code = "usage"


class ConfigError(UsageError):
    """All faults of a config file at once; `message` is the finished text, `faults` counts them."""

    code = "config"

    def __init__(self, message: str, *, faults: int = 1, fix: tuple[str, ...] = ()) -> None:
        super().__init__(message, fix=fix)
        self.faults = faults


class AccessError(ElbrollError):
    """Somebody said no to who we are."""

    exit_code = ExitCode.ACCESS
    code = "access"


class CredentialsError(AccessError):
    """No credentials, expired ones, or ones that AWS does not know (aws.md B4)."""

    code = "credentials"


class PermissionDenied(AccessError):
    """AWS refused one action; `action` is `service:Operation`, `resource` what it was asked for."""

    code = "permission"

    def __init__(
        self,
        message: str,
        *,
        action: str,
        resource: str | None = None,
        why: tuple[str, ...] = (),
        fix: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, why=why, fix=fix)
        self.action = action
        self.resource = resource


class HostAccessError(AccessError):
    """A host or bastion refused us: host key, login, forwarding. Never healed by trying again."""

    code = "ssh-access"


class Refused(ElbrollError):
    """Nothing was done because something about the request or the fleet forbids it."""

    exit_code = ExitCode.REFUSED
    code = "refused"


class NotFound(Refused):
    """A name that nothing answers to; `near` are names that exist and look alike, nearest first."""

    code = "not-found"

    def __init__(
        self,
        message: str,
        *,
        near: tuple[str, ...] = (),
        why: tuple[str, ...] = (),
        fix: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, why=why, fix=fix)
        self.near = near


class TargetRefused(Refused):
    """AWS will not take this target: `InvalidTarget`, `TooManyTargets`, an unknown instance (aws.md T11)."""

    code = "target-refused"


class StandbyRefused(Refused):
    """An Auto Scaling group does not let a host stand by or come back, for a reason of its own (aws.md A4, A5)."""

    code = "standby-refused"


class AwsRefused(ElbrollError):
    """AWS says no with a code of its own, such as `OptInRequired`: asking again will not change its mind.

    Not `Refused`, which is about what was wished for: nobody passes over this one.
    """

    exit_code = ExitCode.REFUSED
    code = "aws"


class Locked(ElbrollError):
    """Another run holds a pool of the fleet, or what stands in the lock cannot be read."""

    exit_code = ExitCode.LOCKED
    code = "locked"


class Declined(ElbrollError):
    """A question was answered with no."""

    exit_code = ExitCode.DECLINED
    code = "declined"


class TimedOut(ElbrollError):
    """The limit of the whole run has passed."""

    exit_code = ExitCode.TIMEOUT
    code = "timeout"


class Superseded(ElbrollError):
    """Another run has taken the lock or a record: no further deed of any kind (safety.md 3, I-10)."""

    exit_code = ExitCode.HALTED
    code = "superseded"


class StoreError(ElbrollError):
    """The ledger's store did not do what was asked."""

    exit_code = ExitCode.HALTED
    code = "store"


class StoreDown(StoreError):
    """The store cannot be reached, throttles, or gave half an answer: no verdict (F-12)."""

    code = "store-down"


class RecordTooBig(StoreError):
    """A record over the store's limit, found before the drain (F-28)."""

    exit_code = ExitCode.REFUSED
    code = "record-too-big"


class IllegalMove(StoreError):
    """A record may not go from its state to the wanted one (safety.md 2.2); nothing was written."""

    exit_code = ExitCode.BUG
    code = "illegal-move"


class Unanswered(ElbrollError):
    """No answer this round: 5xx, throttled, connection or read timeout, unreadable answer (aws.md B3).

    After a write this says nothing about whether it took effect: only a read does (I-11).
    """

    exit_code = ExitCode.HALTED
    code = "unanswered"


class Unreadable(Unanswered):
    """What came back is no answer of AWS's: of a proxy, or of a stand-in that does not offer this (aws.md B3, M8)."""


class PoolGone(ElbrollError):
    """The target group or classic balancer does not exist (any more) (F-35)."""

    exit_code = ExitCode.HALTED
    code = "pool-gone"


class HostUnreachable(ElbrollError):
    """No connection to the host, or it was lost; says nothing about commands already begun there."""

    exit_code = ExitCode.HALTED
    code = "unreachable"


_SIGNALS = {ExitCode.HANGUP: "SIGHUP", ExitCode.INTERRUPT: "SIGINT", ExitCode.TERMINATE: "SIGTERM"}


class Interrupted(ElbrollError):
    """A signal ended the work; `exit_code` is 128 plus its number."""

    code = "interrupted"

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__(f"interrupted by {_SIGNALS.get(exit_code, 'a signal')}")
        self.exit_code = exit_code
