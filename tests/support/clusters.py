"""Real clusters on this machine, for tests and benchmarks: Ray of two nodes, and Slurm of one with its accounting.

Their daemons are started by hand, from the packages slurm-wlm, munge, slurmdbd and mariadb-server, as root.
`python tests/support/clusters.py slurm COMMAND …` gives a command while a cluster is there, `ray` likewise, whose
address is then in FROUDE_TEST_RAY.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60
CPUS = 2
DAEMONS = ("munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "mariadb-install-db")
SLURM_CONF = """
ClusterName=froude
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=0
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd}
AccountingStoragePass={folder}/munge/socket
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=3000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES DefaultTime=60 MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL DefaultTime=5 MaxTime=10 State=UP
"""
SLURMDBD_CONF = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={dbd}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""
SQL = "".join(
    f"CREATE USER slurm@'{host}' IDENTIFIED BY 'slurm';\nGRANT ALL ON *.* TO slurm@'{host}';\n"
    for host in ("127.0.0.1", "localhost")
)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(what: str, holds: Callable[[], bool]) -> None:
    """Waits until something holds; TimeoutError, naming it, where it does not."""
    last = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > last:
            raise TimeoutError(f"{what} after {PATIENCE_SECONDS} s")
        time.sleep(0.1)


def answers(port: int) -> bool:
    """Whether somebody listens on a port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def succeeds(words: list[str], environment: Mapping[str, str]) -> bool:
    """Whether a command ends well."""
    return subprocess.run(words, env={**environment}, capture_output=True, check=False).returncode == 0


@contextmanager
def daemon(words: list[str], log: Path, environment: Mapping[str, str], user: str | None = None) -> Iterator[Any]:
    """A process in the foreground, ended with the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**environment}, user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid, extra_groups=[] if user else None,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def telling_logs(folder: Path) -> Iterator[None]:
    """Where a daemon does not come up, the ends of what all have said go to stderr."""
    try:
        yield
    except TimeoutError:
        for path in (*folder.glob("*.out"), *folder.glob("*.log"), *folder.glob("*/log")):
            print(f"--- {path.name}", *path.read_text(errors="replace").splitlines()[-12:], sep="\n", file=sys.stderr)
        raise


@contextmanager
def slurm() -> Iterator[dict[str, str]]:
    """A Slurm of one node with its accounting; gives the environment in which its commands find it."""
    lacking = [name for name in DAEMONS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if lacking or os.geteuid():
        raise RuntimeError(
            f"no {', '.join(lacking) or 'root'}: apt-get install slurm-wlm munge slurmdbd mariadb-server, and be root"
        )
    if not Path("/sys/fs/cgroup").is_mount():
        subprocess.run(["mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"], check=True)
    with tempfile.TemporaryDirectory(prefix="froude-slurm-") as place, ExitStack() as stack:
        folder = Path(place)
        folder.chmod(0o755)
        stack.enter_context(telling_logs(folder))
        ports = {name: free_port() for name in ("ctld", "slurmd", "dbd", "sql")}
        values = {"folder": folder, "host": socket.gethostname().split(".")[0], "cpus": CPUS, **ports}
        for name, text, mode in (("slurm.conf", SLURM_CONF, 0o644), ("slurmdbd.conf", SLURMDBD_CONF, 0o600)):
            (folder / name).write_text(text.format(**values))
            (folder / name).chmod(mode)
        environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        environment["PATH"] += ":/usr/sbin"
        for name in ("state", "spool"):
            (folder / name).mkdir()
        start_munge(folder, environment, stack)
        start_database(folder, ports["sql"], environment, stack)
        stack.enter_context(daemon(["slurmdbd", "-D"], folder / "slurmdbd.out", environment))
        wait_for("slurmdbd does not answer", lambda: answers(ports["dbd"]))
        wait_for("no cluster", lambda: succeeds(["sacctmgr", "-i", "list", "cluster"], environment))
        succeeds(["sacctmgr", "-i", "add", "cluster", "froude"], environment)
        stack.enter_context(daemon(["slurmctld", "-D", "-c"], folder / "slurmctld.out", environment))
        stack.enter_context(daemon(["slurmd", "-D"], folder / "slurmd.out", environment))
        wait_for("no idle node", lambda: idle(environment))
        yield environment
        subprocess.run(["scancel", "--user=root"], env=environment, check=False)


def idle(environment: Mapping[str, str]) -> bool:
    """Whether the node of Slurm takes jobs."""
    words = ["sinfo", "--noheader", "--format", "%T"]
    done = subprocess.run(words, env={**environment}, capture_output=True, text=True, check=False)
    return "idle" in done.stdout


def start_munge(folder: Path, environment: Mapping[str, str], stack: ExitStack) -> None:
    """Who vouches for users between Slurm's daemons: as its own user, in a folder of its own."""
    home = folder / "munge"
    home.mkdir(mode=0o755)
    (home / "key").write_bytes(os.urandom(128))
    for path, mode in ((home / "key", 0o600), (home, 0o755)):
        shutil.chown(path, "munge", "munge")
        path.chmod(mode)
    places = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    words = ["munged", "--foreground", *(f"--{option}={home / name}" for option, name in places.items())]
    stack.enter_context(daemon(words, folder / "munged.out", environment, user="munge"))
    wait_for("munged does not answer", (home / "socket").exists)


def start_database(folder: Path, port: int, environment: Mapping[str, str], stack: ExitStack) -> None:
    """The database behind Slurm's accounting."""
    home = folder / "sql"
    home.mkdir(mode=0o755)
    shutil.chown(home, "mysql", "mysql")
    (folder / "init.sql").write_text(SQL)
    own = ["--no-defaults", "--user=mysql", f"--datadir={home / 'data'}"]
    made = subprocess.run(
        ["mariadb-install-db", *own, "--skip-test-db", "--auth-root-authentication-method=normal"],
        env={**environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(made.stdout + made.stderr)
    words = ["mariadbd", *own, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={home / 'socket'}"]
    words += [f"--pid-file={home / 'pid'}", f"--init-file={folder / 'init.sql'}", "--innodb-buffer-pool-size=64M"]
    stack.enter_context(daemon([*words, "--innodb-lock-wait-timeout=900"], folder / "mariadbd.out", environment))
    wait_for("mariadbd does not answer", lambda: answers(port))


@dataclass(frozen=True, kw_only=True)
class RayCluster:
    """A Ray cluster of two nodes: the address of its client's port, and the library's own handle."""

    address: str
    cluster: Any

    def raylet(self) -> int:
        """The process that leads the second node."""
        (node,) = self.cluster.worker_nodes
        return next(iter(node.all_processes["raylet"])).process.pid

    def replace_node(self) -> None:
        """A new second node in the place of one that died."""
        for node in [*self.cluster.worker_nodes]:
            self.cluster.remove_node(node, allow_graceful=False)
        self.cluster.add_node(num_cpus=1, object_store_memory=80_000_000)


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """A Ray cluster of two nodes of one processor each on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from importlib import import_module

    port = free_port()
    of_head = {
        "num_cpus": 1, "ray_client_server_port": port, "include_dashboard": False, "object_store_memory": 80_000_000,
    }  # fmt: skip
    cluster = import_module("ray.cluster_utils").Cluster(initialize_head=True, head_node_args=of_head)
    try:
        cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
        wait_for("Ray's client does not answer", lambda: answers(port))
        yield RayCluster(address=f"ray://127.0.0.1:{port}", cluster=cluster)
    finally:
        cluster.shutdown()


def main(kind: str, *command: str) -> int:
    """Gives a command while a cluster is there; its exit code."""
    if kind == "ray":
        with ray_cluster() as cluster:
            return subprocess.run(
                command, env={**os.environ, "FROUDE_TEST_RAY": cluster.address}, check=False
            ).returncode
    with slurm() as environment:
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
