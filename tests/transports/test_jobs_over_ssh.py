"""Commands on a real OpenSSH server: what became of them, whatever happens to the line."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elbroll.engine.stop import Stop, StopMode
from elbroll.errors import HostUnreachable, Refused
from elbroll.model import JobEnd, OnLoss, Secret, Step
from punctual import timed, within
from transports.faultproxy import FaultProxy
from transports.working import Patience, a_job, drops_once, host_at, transport_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.transports.ssh import SshTransport
    from transports.conftest import SshdServer, StartSshd

HOST = host_at()


@pytest.fixture
def transport(sshd: SshdServer) -> Iterator[SshTransport]:
    transport = transport_to(sshd)
    yield transport
    transport.close()


def nothing(_: str) -> None:
    pass


@pytest.mark.rule("H2", "T-30")
@pytest.mark.parametrize(("line", "status"), [("true", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_the_status_is_true(transport: SshTransport, line: str, status: int):
    result = transport.run(HOST, a_job(line), nothing, Stop())

    assert (result.end, result.status) == (JobEnd.EXIT, status)


@pytest.mark.rule("I-20", "T-32")
def test_a_secret_arrives_exactly_and_is_masked_in_every_dress(transport: SshTransport, sshd: SshdServer):
    text = 'it\'s "$x" `y`\nand more of it'
    heard: list[str] = []
    line = (
        'printf %s "$S" >got; echo "<$S>"; printf %s "$S" | base64 -w0; echo; echo "a${S}b" | base64 -w0; ps -eo args'
    )

    result = transport.run(HOST, a_job(f"cd {sshd.home}; {line}", secrets={"S": Secret(text)}), heard.append, Stop())

    assert (sshd.home / "got").read_text() == text
    assert heard[:3] == ["<***", "***>", "***"]
    said = "\n".join((*heard, *result.tail))
    assert "and more of it" not in said
    assert "YW5kIG1vcmUgb2Yg" not in said


@pytest.mark.rule("H28", "T-43")
def test_escapes_and_broken_text_arrive_as_whole_lines(transport: SshTransport):
    heard: list[str] = []

    transport.run(HOST, a_job(r"printf '\033]52;c;aGk=\007\n\377\303\n a\rb\n::error'"), heard.append, Stop())

    assert heard == ["\x1b]52;c;aGk=\x07", "\\xff\\xc3", " a\rb", "::error"]


@pytest.mark.rule("F-44", "H6", "I-13")
def test_a_command_that_asks_is_told_at_once_that_nobody_answers(transport: SshTransport):
    heard: list[str] = []
    line = "read -r answer || echo no answer; cat; tty || true; (read -r answer </dev/tty) || echo no terminal"

    result = transport.run(HOST, a_job(line), heard.append, Stop())

    assert result.success
    assert result.seconds < 5
    assert heard[0] == "no answer"
    assert "not a tty" in heard
    assert heard[-1] == "no terminal"


@pytest.mark.rule("F-44", "T-34")
def test_the_hosts_clock_ends_it(transport: SshTransport):
    job = a_job("(trap '' TERM; sleep 20; sleep 20) & sleep 20", limit=1.0)

    result = transport.run(HOST, job, nothing, Stop())

    assert (result.end, result.cause) == (JobEnd.TIMED_OUT, "stopped at its limit")
    assert transport.open_jobs(HOST) == ()


@pytest.mark.rule("I-17")
def test_eight_starters_of_one_id_run_it_once(sshd: SshdServer):
    transports = [transport_to(sshd) for _ in range(8)]
    job = a_job(f"echo x >>{sshd.home}/eight; sleep 0.5")
    results = []

    def start(one: SshTransport) -> None:
        results.append(one.run(HOST, job, nothing, Stop()))

    threads = [threading.Thread(target=start, args=(one,)) for one in transports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for one in transports:
        one.close()
    assert (sshd.home / "eight").read_text() == "x\n"
    assert {result.end for result in results} == {JobEnd.EXIT}


# --- lost lines --------------------------------------------------------------------------------------


@pytest.mark.rule("T-35", "F-43", "H3")
def test_a_cut_line_costs_sight_not_truth(sshd: SshdServer):
    heard: list[str] = []
    with FaultProxy(sshd.port) as proxy:
        transport = transport_to(sshd, proxy.port)

        def hear(line: str) -> None:
            heard.append(line)
            if line == "one":
                threading.Thread(target=proxy.cut).start()

        result = transport.run(HOST, a_job("echo one; sleep 1; echo two; exit 7"), hear, Stop())
        transport.close()

    assert (result.end, result.status, result.lines) == (JobEnd.EXIT, 7, 2)
    assert heard == ["one", "two"]


@pytest.mark.rule("T-35", "I-11")
def test_out_of_reach_for_too_long_is_unknown(start_sshd: StartSshd):
    server = start_sshd()
    transport = transport_to(server, only_once=True)

    def hear(_: str) -> None:
        server.drop_sessions()

    result = transport.run(HOST, a_job("echo one; sleep 1", limit=1.0), hear, Stop())

    transport.close()
    assert (result.end, result.tail) == (JobEnd.UNKNOWN, ("one",))
    assert "cannot be asked" in str(result.cause)


@timed
@pytest.mark.rule("T-37")
def test_leaving_over_a_frozen_line_takes_a_second(start_sshd: StartSshd):
    server = start_sshd()
    with FaultProxy(server.port) as proxy, closing(transport_to(server, proxy.port)) as transport:
        stop = Stop()
        since_asked = ExitStack()

        def leave() -> None:
            since_asked.enter_context(within(1.0))
            stop.ask(StopMode.LEAVE)

        def hear(_: str) -> None:
            threading.Thread(target=proxy.freeze).start()
            threading.Timer(0.5, leave).start()

        with since_asked:
            result = transport.run(HOST, a_job("echo one; sleep 3", limit=2.0), hear, stop)

    assert result.end is JobEnd.UNKNOWN


@pytest.mark.rule("F-43", "I-17")
def test_a_later_run_settles_what_a_killed_one_left(sshd: SshdServer, transport: SshTransport):
    hold = sshd.home / "hold"
    hold.touch()
    job = a_job(f"echo started; while [ -e {hold} ]; do sleep 0.1; done; echo done; exit 5", limit=60.0)
    first = transport_to(sshd)
    stop = Stop()

    left = first.run(HOST, job, lambda _: stop.ask(StopMode.LEAVE), stop)
    first.close()
    running = transport.open_jobs(HOST)
    refused = transport.run(HOST, a_job("true"), nothing, Stop())
    result = transport.settle(HOST, job, lambda _: hold.unlink(missing_ok=True), Stop())

    assert left.end is JobEnd.UNKNOWN
    assert running == (str(job.id),)
    assert (refused.end, str(job.id) in str(refused.cause)) == (JobEnd.NOT_RUN, True)
    assert (result.end, result.status, result.tail) == (JobEnd.EXIT, 5, ("started", "done"))


@pytest.mark.rule("F-43")
def test_settling_what_never_began_buries_it(transport: SshTransport, sshd: SshdServer):
    job = a_job(f": >{sshd.home}/never")

    asked = transport.settle(HOST, job, nothing, Stop())
    late = transport.run(HOST, job, nothing, Stop())

    assert (asked.end, late.end) == (JobEnd.NOT_RUN, JobEnd.NOT_RUN)
    assert not (sshd.home / "never").exists()


@pytest.mark.rule("H4")
def test_by_the_rule_end_a_lost_line_ends_the_command(sshd: SshdServer, transport: SshTransport):
    stop = Stop()
    job = a_job(f"echo started; sleep 20; : >{sshd.home}/half", limit=60.0, on_loss=OnLoss.END)
    first = transport_to(sshd)
    first.run(HOST, job, lambda _: stop.ask(StopMode.LEAVE), stop)
    first.close()

    result = transport.settle(HOST, job, nothing, Stop())

    assert (result.end, result.cause) == (JobEnd.TIMED_OUT, "stopped because the line to the host was lost")
    assert not (sshd.home / "half").exists()


# --- signals -----------------------------------------------------------------------------------------


@timed
@pytest.mark.rule("T-37")
def test_leaving_takes_a_second_and_says_until_when(start_sshd: StartSshd):
    transport = transport_to(start_sshd())
    stop = Stop()
    since_asked = ExitStack()

    def leave(_: str) -> None:
        since_asked.enter_context(within(1.0))
        stop.ask(StopMode.LEAVE)

    with closing(transport), since_asked:
        result = transport.run(HOST, a_job("echo x; sleep 4", limit=4.0), leave, stop)

    assert result.end is JobEnd.UNKNOWN
    assert "may still run until" in str(result.cause)


@pytest.mark.rule("T-37")
def test_after_the_first_signal_prepare_is_stopped(transport: SshTransport):
    stop = Stop()
    job = a_job("echo x; sleep 20", limit=30.0, step=Step.PREPARE)

    result = transport.run(HOST, job, lambda _: stop.ask(StopMode.FINISH), stop)

    assert result.end is JobEnd.TIMED_OUT


@pytest.mark.rule("T-37")
def test_after_the_first_signal_a_deploy_is_awaited(transport: SshTransport):
    stop = Stop()

    result = transport.run(HOST, a_job("echo x; sleep 0.5"), lambda _: stop.ask(StopMode.FINISH), stop)

    assert result.success


# --- hosts that run nothing --------------------------------------------------------------------------


@pytest.mark.rule("H1")
def test_a_login_shell_that_ends_with_0_is_no_success(start_sshd: StartSshd):
    transport = transport_to(start_sshd("ForceCommand exit 0"))

    result = transport.run(HOST, a_job("true"), nothing, Stop())

    transport.close()
    assert (result.end, result.success) == (JobEnd.NOT_RUN, False)
    assert "ended with 0 before our command" in str(result.cause)


@pytest.mark.rule("H1")
def test_an_exit_0_in_bashrc_is_no_success(start_sshd: StartSshd):
    server = start_sshd('ForceCommand . ~/.rc; eval "$SSH_ORIGINAL_COMMAND"')
    (server.home / ".rc").write_text("exit 0\n")
    transport = transport_to(server)

    result = transport.run(HOST, a_job("true"), nothing, Stop())

    transport.close()
    assert result.end is JobEnd.NOT_RUN


@pytest.mark.rule("H1", "T-39")
def test_noise_of_rc_files_is_skipped(start_sshd: StartSshd):
    server = start_sshd('ForceCommand echo noise; echo ELB1 noise >&2; eval "$SSH_ORIGINAL_COMMAND"')
    transport = transport_to(server)

    result = transport.run(HOST, a_job("echo mine"), nothing, Stop())

    transport.close()
    assert result.success
    assert result.tail[-1] == "mine"


@pytest.mark.rule("H1", "I-20", "T-32")
def test_a_login_shell_that_complains_of_its_input_shows_no_part_of_a_secret(start_sshd: StartSshd):
    transport = transport_to(start_sshd("ForceCommand grep -m 1 ^=LONG= >&2; exit 3"))

    result = transport.run(HOST, a_job("true", secrets={"LONG": Secret("tale" * 100)}), nothing, Stop())

    transport.close()
    assert result.end is JobEnd.NOT_RUN
    assert str(result.cause).endswith("ended with 3 before our command: =LONG=***")


@pytest.mark.rule("H1")
def test_a_look_at_a_host_that_runs_nothing_is_no_success(start_sshd: StartSshd):
    transport = transport_to(start_sshd("ForceCommand exit 0"))

    result = transport.look(HOST, "true", {}, 2)

    transport.close()
    assert not result.success


# --- looks -------------------------------------------------------------------------------------------


@timed
def test_a_look_answers_with_status_and_text(transport: SshTransport):
    transport.look(HOST, "true", {}, 5)

    with within(1):
        result = transport.look(HOST, 'echo "$A"; exit 2', {"A": "x  y"}, 5)

    assert (result.status, result.tail) == (2, ("x  y",))
    assert result.seconds < 1


def test_a_look_that_hangs_is_stopped(transport: SshTransport):
    result = transport.look(HOST, "sleep 20 & sleep 20", {}, 1)

    assert (result.end, result.cause) == (JobEnd.TIMED_OUT, "stopped at its limit")


def test_a_look_over_a_dead_line_proves_nothing(sshd: SshdServer, tmp_path: Path):
    transport = transport_to(sshd, patience=Patience())

    with drops_once((tmp_path / "begun").exists, transport), pytest.raises(HostUnreachable):
        transport.look(HOST, f": >{tmp_path}/begun; sleep 20", {}, 30)
    transport.close()


# --- refusals and amounts ----------------------------------------------------------------------------


@pytest.mark.rule("T-31", "T-32")
@pytest.mark.parametrize(
    "job",
    [
        a_job("a\0b"),
        a_job("a\rb"),
        a_job("x" * (256 * 1024 + 1)),
        a_job("true", env={"IFS": "x"}),
        a_job("true", env={"1A": "x"}),
        a_job("true", env={"UID": "5"}),
        a_job("true", env={"A": "x\0"}),
        a_job("true", secrets={"A": Secret("")}),
        a_job("true", workdir="/a\nb"),
    ],
)
def test_what_no_host_could_be_given_is_refused_before_anything(transport: SshTransport, job):
    with pytest.raises(Refused):
        transport.run(HOST, job, nothing, Stop())


def test_crlf_becomes_newlines(transport: SshTransport):
    assert transport.run(HOST, a_job("echo a\r\necho b"), nothing, Stop()).tail == ("a", "b")


@pytest.mark.rule("T-43")
def test_a_gigantic_line_is_capped(transport: SshTransport):
    result = transport.run(HOST, a_job("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end"), nothing, Stop())

    assert [len(line) < 5000 for line in result.tail] == [True, True]
    assert result.tail[-1] == "end"


@pytest.mark.rule("T-44", "F-45", "S-1")
def test_200_mb_of_output_pass_in_bounded_memory(sshd: SshdServer):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from types import SimpleNamespace
from pathlib import Path
from elbroll.engine.stop import Stop
from transports.working import a_job, host_at, transport_to
server = SimpleNamespace(port={sshd.port}, user={sshd.user!r}, client_key=Path({str(sshd.client_key)!r}),
    folder=Path({str(sshd.folder)!r}), known_as=lambda *names: ",".join(names) + " " + {sshd.host_key!r} + "\\n")
transport = transport_to(server)
heard = []
result = transport.run(host_at(), a_job("yes some-words-of-output | head -c 200000000", limit=60), heard.append, Stop())
transport.close()
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(result.end.value, result.lines, len(result.tail), len(heard), peak)
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)

    end, lines, tail, heard, kib = done.stdout.split()
    assert (end, int(lines), int(tail)) == ("exit", 200_000_000 // 21 + 1, 50)
    assert int(heard) < 210 * 60
    assert int(kib) < 150 * 1024
