"""Files of a demo host over SFTP, jailed in the account's home. Exec is not jailed."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import paramiko
from paramiko.sftp import SFTP_FAILURE, SFTP_OK

from elbroll.demo.sshd.pumps import GONE

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _answering(deed: Callable[_P, _R]) -> Callable[_P, _R | int]:
    """What the system refuses becomes SFTP's code for it."""

    @functools.wraps(deed)
    def answer(*args: _P.args, **kwargs: _P.kwargs) -> _R | int:
        try:
            return deed(*args, **kwargs)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    return answer


class Subsystem(paramiko.SFTPServer):
    """Ends with status 0: without one `scp` calls a good copy a failure."""

    def __init__(self, channel: paramiko.Channel, name: str, server: paramiko.ServerInterface, home: Path) -> None:
        super().__init__(channel, name, server, Jail, home)
        self._channel = channel

    def finish_subsystem(self) -> None:
        """The client has said that it is done, or its line is lost."""
        with contextlib.suppress(*GONE):
            self._channel.send_exit_status(0)
        super().finish_subsystem()


class Jail(paramiko.SFTPServerInterface):
    """Paths are the real ones, so that they mean the same in a command; outside of home all is forbidden."""

    def __init__(self, server: paramiko.ServerInterface, home: Path) -> None:
        super().__init__(server)
        self._home = home.resolve()

    def canonicalize(self, path: str) -> str:
        """Relative paths start at home."""
        return os.path.normpath(self._home / path)

    @_answering
    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        """Names with what `lstat` says of each."""
        return [paramiko.SFTPAttributes.from_stat(one.lstat(), one.name) for one in self._followed(path).iterdir()]

    @_answering
    def stat(self, path: str) -> paramiko.SFTPAttributes:
        """Of what a link leads to, if that is inside."""
        return paramiko.SFTPAttributes.from_stat(self._followed(path).stat())

    @_answering
    def lstat(self, path: str) -> paramiko.SFTPAttributes:
        """Of a link itself."""
        return paramiko.SFTPAttributes.from_stat(self._named(path).lstat())

    @_answering
    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle:
        """A new file gets the mode that was asked for, 0644 by default."""
        mode = attr.st_mode if attr.st_mode is not None else 0o644
        descriptor = os.open(self._followed(path), flags, mode & 0o777)
        return _handle(descriptor, flags)

    @_answering
    def remove(self, path: str) -> int:
        """A link is removed itself."""
        self._named(path).unlink()
        return SFTP_OK

    @_answering
    def rename(self, oldpath: str, newpath: str) -> int:
        """Never replaces."""
        if os.path.lexists(self._named(newpath)):
            return SFTP_FAILURE
        return self._move(oldpath, newpath)

    @_answering
    def posix_rename(self, oldpath: str, newpath: str) -> int:
        """Replaces, in one step."""
        return self._move(oldpath, newpath)

    @_answering
    def mkdir(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        """With the mode asked for, 0755 by default."""
        self._named(path).mkdir((attr.st_mode if attr.st_mode is not None else 0o755) & 0o777)
        return SFTP_OK

    @_answering
    def rmdir(self, path: str) -> int:
        """Empty ones only."""
        self._named(path).rmdir()
        return SFTP_OK

    @_answering
    def chattr(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        """Mode and times; there is only one owner here."""
        followed = self._followed(path)
        if attr.st_mode is not None:
            followed.chmod(attr.st_mode & 0o777)
        if attr.st_atime is not None and attr.st_mtime is not None:
            os.utime(followed, (attr.st_atime, attr.st_mtime))
        return SFTP_OK

    def _move(self, old: str, new: str) -> int:
        self._named(old).rename(self._named(new))
        return SFTP_OK

    def _followed(self, path: str) -> Path:
        """Resolve first, then compare: a link that points out is outside."""
        return self._inside((self._home / path).resolve())

    def _named(self, path: str) -> Path:
        """The entry itself, of which only the folder is resolved."""
        entry = Path(self.canonicalize(path))
        return entry if entry == self._home else self._inside(entry.parent.resolve() / entry.name)

    def _inside(self, path: Path) -> Path:
        if not path.is_relative_to(self._home):
            raise PermissionError(13, "outside of home", str(path))
        return path


class _Handle(paramiko.SFTPHandle):
    """An open file. paramiko reads and writes it by its two attributes."""

    readfile: Any
    writefile: Any

    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat((self.readfile or self.writefile).fileno()))

    def chattr(self, attr: paramiko.SFTPAttributes) -> int:
        if attr.st_mode is not None:
            os.fchmod((self.writefile or self.readfile).fileno(), attr.st_mode & 0o777)
        return SFTP_OK


def _handle(descriptor: int, flags: int) -> _Handle:
    modes = {os.O_WRONLY: "wb", os.O_RDWR: "r+b"}
    opened = os.fdopen(descriptor, modes.get(flags & os.O_ACCMODE, "rb"))
    handle = _Handle(flags)
    handle.readfile = None if flags & os.O_ACCMODE == os.O_WRONLY else opened
    handle.writefile = None if flags & os.O_ACCMODE == os.O_RDONLY else opened
    return handle
