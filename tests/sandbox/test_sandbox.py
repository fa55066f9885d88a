#!/usr/bin/env python3
"""Attacks on the sandbox: each is really tried, and each is shown to succeed where there is no sandbox.

    tests/sandbox/test_sandbox.py [CASE ...]

The list of attacks is runners/sandbox/probe.c; here are those who run it: as root and as an ordinary user, in each tier,
on kernels that lack something. Then what a job can do to the machine, and pull requests with real Terraform."""

import concurrent.futures
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import sluice  # noqa: E402
from runner_lab import APPLY, BUILD, PLAN, Lab, cli_config, eventually, tool  # noqa: E402

JOB = os.path.join(BUILD, "sluice-job")
DENY = os.path.join(BUILD, "tests", "deny")
NOBODY = 65534
USERS = {"user": NOBODY, "root": 0} if os.geteuid() == 0 else {"user": os.geteuid()}
PROFILES = ["fetch", "init", "plan", "render", "policy", "build", "run", "apply"]
# A socket in the file system is not yet known to Landlock of this interface; the page of the tier says so.
RESIDUAL = {"full": set(), "landlock": {"socket file of the server"}}
CASES = []


def case(function):
    CASES.append((function.__name__, function))
    return function


def each_user(function):
    for name, uid in USERS.items():
        CASES.append(("%s_as_%s" % (function.__name__, name), lambda uid=uid: function(uid)))
    return function


def expect(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


# ---- the list of attacks ---------------------------------------------------------------------------------------------


class Place:
    """A data folder of one user, and the settings of a launcher on it."""

    def __init__(self, uid, **settings):
        self.uid = uid
        self.folder = tempfile.mkdtemp(prefix="sluice-sandbox-")
        os.chmod(self.folder, 0o711)
        self.data = os.path.join(self.folder, "data")
        os.mkdir(self.data, 0o700)
        self.settings = os.path.join(self.folder, "settings.json")
        with open(self.settings, "w", encoding="utf-8") as out:
            json.dump(dict({"data": self.data}, **settings), out)
        if os.geteuid() == 0:
            os.chown(self.data, uid, uid)
        # The program where every user can read it.
        self.job = os.path.join(self.folder, "sluice-job")
        shutil.copy(JOB, self.job)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["chmod", "-R", "u+rwX", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def become(self):
        if os.geteuid() == 0 and self.uid != 0:
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)

    def probe(self, before=(), become=True):
        """(exit code, {(profile, attack): open or not}, what it said)"""
        done = subprocess.run([*before, self.job, "probe", self.settings], preexec_fn=self.become if become else None,
                              capture_output=True, text=True, timeout=60, check=False)
        found = {}
        for line in done.stdout.splitlines():
            parts = line.split("\t")
            if len(parts) == 3:
                found[parts[0], parts[2]] = parts[1] == "open"
        return done.returncode, found, done.stdout + done.stderr


def hold(uid, tier):
    with Place(uid, tier=tier, require=tier) as place:
        code, found, said = place.probe()
    expect(code, 0, said[-2000:])
    expect(sorted({profile for profile, _ in found}), sorted(PROFILES))
    names = {attack for _, attack in found}
    assert len(names) > 45, len(names)
    expect(len(found), len(names) * len(PROFILES), "each attack in each profile")
    wide = sorted("%s: %s" % key for key, is_open in found.items() if is_open and key[1] not in RESIDUAL[tier])
    expect(wide, [], "open in tier " + tier)


@each_user
def full_holds(uid):
    hold(uid, "full")


@each_user
def landlock_holds(uid):
    hold(uid, "landlock")


@each_user
def servers_that_are_started_again_and_again(uid):
    """Whoever is killed may still try its sandboxes while the next one begins to."""
    with Place(uid, tier="full", require="full") as place:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for code, _, said in pool.map(lambda _: place.probe(), range(8)):
                expect(code, 0, said[-2000:])
        expect([name for name in os.listdir(place.folder + "/data/box") if name.startswith("selftest")], [], "left over")


@case
def the_list_of_attacks_names_tests_that_are_there():
    found = {}
    for at, _, names in os.walk(sluice.ROOT + "/tests"):
        for name in names:
            if name.endswith((".py", ".c")):
                with open(os.path.join(at, name), encoding="utf-8", errors="replace") as text:
                    found.setdefault(name.rsplit(".", 1)[0], []).append(text.read())
    with open(sluice.ROOT + "/runners/sandbox/probe.c", encoding="utf-8") as text:
        found["probe"] = [text.read()]
    with open(os.path.join(HERE, "ATTACKS.md"), encoding="utf-8") as text:
        rows = [line.split(" | ", 2) for line in text if re.match(r"\| \d+ ", line)]
    expect([int(row[0][2:]) for row in rows], list(range(1, 149)), "every attack of the list has a row")
    for number, _, covered in rows:
        names = re.findall(r"`(\w+)#([^`]+)`", covered)
        assert names or covered.startswith(("not tried: ", "not promised: ")), (number, covered)
        for file, word in names:
            assert any(word in text for text in found.get(file, [])), "%s: there is no %s#%s" % (number, file, word)


class Victims:
    """What the attacks want, without any sandbox around the attacker."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-victims-")
        self.listeners = [socket.socket(socket.AF_INET), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
        self.listeners[0].bind(("127.0.0.1", 0))
        self.listeners[1].bind("\0sluice-victim-%d" % os.getpid())
        self.path = os.path.join(self.folder, "socket")
        self.listeners[2].bind(self.path)
        for listener in self.listeners:
            listener.listen(16)
        os.chmod(self.folder, 0o777)
        os.chmod(self.path, 0o777)
        libc = ctypes.CDLL(None)
        self.key = 0x52000000 | (os.getpid() & 0xffffff)
        self.segment = libc.shmget(self.key, 4096, 0o1666)  # IPC_CREAT
        self.drop = lambda: libc.shmctl(self.segment, 0, None)

    def words(self):
        return [str(os.getpid()), str(self.listeners[0].getsockname()[1]), "sluice-victim-%d" % os.getpid(), self.path,
                self.folder, str(self.key), "none", self.folder]

    def close(self):
        for listener in self.listeners:
            listener.close()
        self.drop()
        shutil.rmtree(self.folder, ignore_errors=True)


def attack_bare(victims, before=()):
    """Attacks that succeed on this machine as it is."""
    stray = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.mkdir(victims.folder + "/out")
    try:
        done = subprocess.run([*before, JOB, "probe-inside", *victims.words()], cwd=victims.folder, pass_fds=[stray],
                              capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(stray)
        os.rmdir(victims.folder + "/out")
    assert done.stdout.endswith("done\n"), done
    return {line[5:] for line in done.stdout.splitlines() if line.startswith("open ")}, \
        {line.split(" ", 1)[1] for line in done.stdout.splitlines() if " " in line}


@case
def every_attack_succeeds_without_a_sandbox():
    """What cannot fail proves nothing: here each attack of the list must get through."""
    if os.geteuid() != 0:
        raise sluice.Skip("some of the attacks need root to succeed")
    victims = Victims()
    try:
        succeeded, names = attack_bare(victims)
        # As seen from below a first process of its own, which reads like a keeper without any care.
        below, _ = attack_bare(victims, ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", '"$@"; true', "sh"])
    finally:
        victims.close()
    # There is no folder /out on a machine; that it cannot be written to is shown by tier none.
    with Place(0, tier="none", require="none") as place:
        _, found, _ = place.probe()
    succeeded |= below | {attack for (_, attack), is_open in found.items() if is_open}
    # This machine has none of these doors, whoever asks.
    missing = {"open a file by its handle"} if not os.path.exists("/proc/self/mountinfo") else set()
    expect(sorted(names - succeeded - missing - {"write to the results"}), [], "cannot be shown to matter here")


def start_cost(place, program):
    """(plain, in a sandbox): medians in milliseconds."""
    done = subprocess.run([program, place.settings], preexec_fn=place.become, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0, done
    return tuple(float(word) for word in done.stdout.split())


@case
def cost_of_a_start():
    """Medians of one run, in turns with the same program started plainly."""
    report = sluice.Report("sandbox")
    for name, uid in USERS.items():
        for tier in ("full", "landlock"):
            with Place(uid, tier=tier, require=tier) as place:
                cost = os.path.join(place.folder, "cost")
                shutil.copy(os.path.join(BUILD, "tests", "sandbox-cost"), cost)
                # Others on the machine only add to it: the best of three counts.
                plain, kept = min((start_cost(place, cost) for _ in range(3)), key=lambda pair: pair[1] / pair[0])
                began = time.monotonic()
                code, _, _ = place.probe()
                took = (time.monotonic() - began) * 1e3
            report.add("a start in tier %s / a plain start, %s" % (tier, name), round(kept / plain, 1), "", "<= 10",
                       kept <= 10 * plain, "%.2f ms, plain %.2f ms" % (kept, plain))
            report.add("a start in tier %s, %s" % (tier, name), round(kept, 2), "ms", "<= 6", kept <= 6)
            report.add("self-test of all profiles, tier %s, %s" % (tier, name), round(took), "ms", "<= 200",
                       code == 0 and took <= 200)
            # Where many share a machine the milliseconds are not ours; the ratio is.
            assert kept <= 15 * plain, (plain, kept)
    report.write()


TRANSFER = """
import os, socket, sys, time
def through(port):
    door = socket.create_connection(("127.0.0.1", int(os.environ["HTTPS_PROXY"].rsplit(":", 1)[1])))
    door.sendall(("CONNECT 127.0.0.1:%d HTTP/1.1\\r\\n\\r\\n" % port).encode())
    assert b" 200 " in door.recv(4000)
    return door
def direct(port):
    return socket.create_connection(("127.0.0.1", port))
def figures(connect, port):
    room, took = bytearray(1 << 20), []
    for _ in range(50):
        began = time.monotonic()
        with connect(port) as s:
            s.sendall(b"ping")
            s.recv(4)
        took.append(time.monotonic() - began)
    with connect(port) as s:
        s.sendall(b"much")
        began, got = time.monotonic(), 0
        while got < MUCH:
            got += s.recv_into(room)
        return sorted(took)[25] * 1e3, got / (1 << 20) / (time.monotonic() - began)
connect = direct if sys.argv[1] == "direct" else through
print("figures %.3f %.0f" % figures(connect, int(sys.argv[2])))
"""
MUCH = 1 << 29


class Source(socketserver.BaseRequestHandler):
    def handle(self):
        word, block = self.request.recv(4), bytes(1 << 20)
        if word != b"much":
            self.request.sendall(word)
            return
        with contextlib.suppress(OSError):
            for _ in range(MUCH >> 20):
                self.request.sendall(block)


@case
def cost_of_the_way_out():
    """Through a job's proxy, and beside it the same on the loopback of the machine."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Source)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, program = server.server_address[1], TRANSFER.replace("MUCH", str(MUCH))
    lab = script_lab("python3 transfer.py through %d 2>&1; exit 1" % port, inside="127.0.0.1:%d" % port)
    report = sluice.Report("egress")
    try:
        bare = subprocess.run([sys.executable, "-c", program, "direct", str(port)], capture_output=True, text=True,
                              check=True).stdout
        ended = lab.run(PLAN, lab.tree("a", {"main.tf": "# flood\n", "transfer.py": program}))
        found = [line.split()[1:] for line in (ended.output + "\n" + bare).splitlines() if line.startswith("figures ")]
        expect(len(found), 2, ended)
        (took, rate), (bare_took, bare_rate) = ([float(word) for word in row] for row in found)
        report.add("a connection through the proxy", round(took, 2), "ms", "<= 1", took <= 1, "loopback %.2f ms" % bare_took)
        report.add("bytes through the proxy", round(rate), "MiB/s", ">= 500", rate >= 500, "loopback %.0f MiB/s" % bare_rate)
        # Where many share a machine the figures are not ours; what the proxy takes of the loopback is.
        assert rate > bare_rate / 20, found
    finally:
        lab.close()
        server.shutdown()
        server.server_close()
    report.write()


@case
def starts_from_a_large_server():
    """Whoever asks for a job only writes to the launcher: how large it is itself does not matter."""
    lab = Lab()
    report = sluice.Report("starts")
    try:
        lab.start()
        tree = lab.tree("a", {"main.tf": "# stub: create=1\n"})
        longest = []
        for megabytes in (1, 1024):
            lab.driver.send("grow %d" % megabytes)
            lab.driver.wait("grown")
            lab.driver.send("longest")
            lab.driver.wait("longest")
            for _ in range(12):
                expect(lab.run(PLAN, tree).outcome, "ok")
            lab.driver.send("longest")
            longest.append(float(lab.driver.wait("longest").split()[1]))
        report.add("longest that a start keeps the loop, 1 GiB resident", longest[1], "ms", "<= 5", longest[1] <= 5,
                   "small: %.2f ms" % longest[0])
        # A fork of a process of this size takes 30 ms and more.
        assert longest[1] < 25 + 4 * longest[0], longest
    finally:
        lab.close()
    report.write()


# ---- kernels that lack something -------------------------------------------------------------------------------------

LACKS = [
    # name, tier wanted, tier required, errno, calls that fail, what happens: tier or a part of the refusal
    ("no_namespaces", "full", "full", "EPERM", ["namespaces"], "forbids namespaces"),
    ("no_namespaces_but_allowed", "full", "landlock", "EPERM", ["namespaces"], "landlock"),
    ("no_landlock", "full", "full", "ENOSYS", ["landlock_create_ruleset"], "no Landlock"),
    ("no_landlock_at_all", "full", "landlock", "ENOSYS", ["landlock_create_ruleset"], "Landlock"),
    ("no_clone3", "full", "full", "ENOSYS", ["clone3"], "full"),
    ("no_mount_attributes", "full", "full", "ENOSYS", ["mount_setattr"], "read-only root"),
    ("no_pivot", "full", "full", "EPERM", ["pivot_root"], "root"),
    ("no_filter", "full", "full", "ENOSYS", ["seccomp"], "system calls"),
    ("landlock_without_its_last_step", "landlock", "landlock", "EPERM", ["landlock_restrict_self"], "landlock"),
    ("no_host_name", "full", "full", "EPERM", ["sethostname"], "host name"),
    ("no_way_to_drop_rights", "full", "full", "EPERM", ["capset"], "rights"),
    ("no_limits", "full", "full", "EPERM", ["prlimit64", "setrlimit"], "limits"),
]


def lack(uid, name, tier, require, errno, calls, outcome):
    with Place(uid, tier=tier, require=require) as place:
        deny = os.path.join(place.folder, "deny")
        shutil.copy(DENY, deny)
        code, found, said = place.probe([deny, errno, *calls, "--"])
    if outcome in ("full", "landlock") and name != "landlock_without_its_last_step":
        expect(code, 0, said[-2000:])
        assert "tier %s: 0 open" % outcome in said, said[-500:]
        return
    expect(code, 78, said[-2000:])
    assert outcome in said, said[-500:]
    assert "tier" not in said.splitlines()[-1] or not found or all(not is_open for is_open in found.values())


for _row in LACKS:
    for _user, _uid in USERS.items():
        CASES.append(("%s_as_%s" % (_row[0], _user), lambda uid=_uid, row=_row: lack(uid, *row)))


def groups_of(uid, before=()):
    """What control groups do for a sandbox of this user, in the words of the launcher."""
    with Place(uid, tier="full", require="full") as place:
        code, _, said = place.probe(before)
    expect(code, 0, said[-1000:])
    return [line[8:] for line in said.splitlines() if line.startswith("groups: ")][0]


@each_user
def no_control_groups(uid):
    """An ordinary user to whom none was delegated; root on a machine that shows none: the sandbox is as tight."""
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh"]
    expect(groups_of(uid, hidden if uid == 0 else ()), "none")


@case
def groups_are_removed():
    """Nothing stays behind where groups are made: not of jobs that ended, and not of one whose supervisor was killed."""
    if os.geteuid() != 0 or groups_of(0) == "none":
        raise sluice.Skip("there are no control groups here")
    lab = script_lab("sleep 60")
    try:
        expect(lab.run(PLAN, lab.tree("b", {"main.tf": "# stub: create=1\n"})).outcome, "ok")
        job = lab.ask(PLAN, lab.tree("a", {"main.tf": "# flood\n"}))
        lab.driver.wait("step %d 1 plan" % job)
        with open(os.path.join(lab.job_dir(job), "lock"), encoding="utf-8") as lock:
            supervisor = int(lock.read())
        mine = [path for path in group_folders() if re.search(r"/sluice-ns\d+-%d-" % supervisor, path)]
        assert mine, "the job has no group of its own"
        foreign = [re.sub(r"/sluice-ns\d+-", "/sluice-ns1-", path) for path in mine]
        for path in foreign:
            os.mkdir(path)
        os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: not living_in(lab.root))
        lab.driver.quit()
        lab.start()  # whose launcher clears away
        eventually(lambda: not [path for path in mine if os.path.exists(path)])
        for path in foreign:
            os.rmdir(path)  # of processes whose numbers mean nothing here: not ours to clear away
    finally:
        lab.close()


def group_folders():
    return [os.path.join(at, name) for at, names, _ in os.walk("/sys/fs/cgroup") for name in names if name.startswith("sluice-")]


@each_user
def settings_of_the_kernel_that_are_read_only(uid):
    """As in a container. Root does not need to write there; a user's own /proc may not show more than the machine's, and
    the kernel refuses it: then the server does not start, and with `require: landlock` it has the lesser tier."""
    if os.geteuid() != 0:
        raise sluice.Skip("only root can make such a machine")
    become = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    before = ["unshare", "--mount", "sh", "-c", 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && '
              '! sh -c "echo 1 > /proc/sys/kernel/panic_on_warn" 2>/dev/null && exec "$@"', "sh", *become]
    with Place(uid, tier="full", require="full") as place:
        code, found, said = place.probe(before, become=False)
    if uid == 0:
        expect((code, any(found.values())), (0, False), said[-1000:])
    else:
        expect((code, "parts of the machine's are covered" in said), (78, True), said[-1000:])
        with Place(uid, tier="full", require="landlock") as place:
            code, _, said = place.probe(before, become=False)
        assert code == 0 and "tier landlock: 0 open" in said, said[-1000:]


# ---- what a job can do to the machine --------------------------------------------------------------------------------


def script_lab(body, **options):
    """A tool that is a script: its plan runs `body` where the files ask for it, the rest is the stub's."""
    lab = Lab(**options)
    stub = lab.options["terraform"]
    path = os.path.join(lab.root, "tool")
    with open(path, "w", encoding="utf-8") as out:
        out.write('#!/bin/sh\nif [ "$1" = plan ] && grep -q flood main.tf; then\n%s\nfi\nexec %s "$@"\n' % (body, stub))
    os.chmod(path, 0o755)
    lab.options["terraform"] = path
    lab.start()
    return lab


def living_in(root):
    """Processes whose mounts come from below this folder: whoever is in a sandbox of it, whatever it calls itself."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open("/proc/%s/mountinfo" % name, encoding="utf-8", errors="replace") as text:
                if root in text.read():
                    found.append(name)
    return found


def flood(body, limit=60, groups="1", **more):
    """Runs a plan that does `body`, and beside it one that does nothing wrong; how the first ended."""
    lab = script_lab(body, groups=groups)
    try:
        tree = lab.tree("a", {"main.tf": "# flood\n# stub: create=1\n"})
        began = time.monotonic()
        job = lab.ask(PLAN, tree, **more)
        time.sleep(0.3)
        beside = lab.ask(PLAN, lab.tree("b", {"main.tf": "# stub: create=1\n"}))
        ended = lab.driver.ended(job, timeout=limit)
        took = time.monotonic() - began
        expect(lab.driver.ended(beside).outcome, "ok", "the job beside it")
        expect(lab.run(PLAN, lab.tree("c", {"main.tf": "# stub: create=1\n"})).outcome, "ok", "the next job")
        expect(living_in(lab.root), [], "survivors")
        lab.driver.send("forget %d 1" % job)
        eventually(lambda: not os.path.exists(lab.job_dir(job)), 60)
        eventually(lambda: used_bytes(lab.data) < 64 << 20, 60)  # what is forgotten goes in the background
        return ended, took
    finally:
        lab.close()


def used_bytes(folder):
    """Of what is still there when it is looked at."""
    used = 0
    for at, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                used += os.lstat(os.path.join(at, name)).st_blocks * 512
    return used


@case
def fork_bomb():
    ended, took = flood('bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 1; bomb 2>/dev/null; sleep 2; exit 1', wait=1,
                        step_timeout_ms=8000, stop_grace_ms=300)
    # A shell that cannot fork may even say that all is well: then there is no plan.
    assert ended.outcome in ("tool_failed", "timed_out", "memory_cap", "bad_result"), ended
    assert took < 30, took


@case
def memory_hog():
    ended, _ = flood("exec python3 -c 'x = []\nwhile True: x.append(bytearray(64 << 20))' 2>&1", step_timeout_ms=30000)
    assert ended.outcome in ("memory_cap", "tool_failed"), ended
    if ended.outcome == "tool_failed":
        assert "MemoryError" in ended.output, ended


@case
def memory_of_many():
    """Each process is below its limit, all together are above."""
    hog = "import time\nx = bytearray(900 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(60)"
    ended, _ = flood("for i in 1 2 3 4 5 6; do python3 -c '%s' & done; wait" % hog, step_timeout_ms=40000)
    expect(ended.outcome, "memory_cap", ended)
    assert "memory" in ended.failure, ended


SHARED = "import mmap, time\nx = [mmap.mmap(-1, 1 << 30) for i in range(6)]\nfor m in x:\n    for i in range(0, 1 << 30, 4096):" \
    " m[i] = 1\ntime.sleep(20)"


@case
def memory_that_is_shared():
    """Belongs to no process alone, and no limit of a process counts it: the control group does."""
    if not groups_of(0).startswith("memory"):
        raise sluice.Skip("this machine gives no control group that limits memory")
    ended, _ = flood("exec python3 -c '%s' 2>&1" % SHARED, step_timeout_ms=60000)
    expect(ended.outcome, "memory_cap", ended)


@case
def memory_that_is_shared_without_groups():
    """There it is found by looking."""
    ended, _ = flood("exec python3 -c '%s' 2>&1" % SHARED, groups="0", step_timeout_ms=60000)
    expect(ended.outcome, "memory_cap", ended)


@case
def sparse_file():
    ended, _ = flood("exec python3 -c 'import os\nos.truncate(os.open(\"big\", os.O_CREAT | os.O_RDWR), 100 << 30)' 2>&1")
    assert ended.outcome in ("signalled", "tool_failed"), ended
    assert ended.signal == 25 or "too large" in ended.output, ended


@case
def temporary_folder_is_full():
    ended, _ = flood("head -c 700M /dev/zero > /tmp/fill; exec false")
    expect(ended.outcome, "tool_failed", ended)
    assert "No space left" in ended.output, ended


@case
def millions_of_files():
    """Ten million would take minutes; long before that the job is ended, and its files are gone."""
    many = "import os\nfor i in range(10000000):\n    os.close(os.open(str(i), os.O_CREAT | os.O_WRONLY, 0o600))"
    ended, took = flood("mkdir many; cd many; exec python3 -c '%s' 2>&1" % many, limit=120, step_timeout_ms=100000)
    expect(ended.outcome, "disk_cap", ended)
    assert "files" in ended.failure, ended
    assert took < 100, took


@case
def much_output():
    ended, _ = flood("exec head -c 1G /dev/zero", output_cap_bytes=8 << 20)
    expect(ended.outcome, "output_cap", ended)


@case
def many_sockets():
    ended, _ = flood("exec python3 -c 'import socket\nx = [socket.socket() for i in range(10000)]' 2>&1")
    expect(ended.outcome, "tool_failed", ended)
    assert "Too many open files" in ended.output, ended


@case
def spinning_processor():
    ended, took = flood("while :; do :; done", step_timeout_ms=1500, stop_grace_ms=300)
    expect(ended.outcome, "timed_out", ended)
    assert took < 15, took


@case
def daemons():
    """A hundred that left their parents and hold the output open, and one that comes back whenever it is killed."""
    body = "i=0; while [ $i -lt 100 ]; do (setsid sh -c 'trap \"\" INT TERM HUP; sleep 7301' >/dev/null 2>&1 &); i=$((i+1)); done"
    ended, took = flood(body)
    expect(ended.outcome, "ok", ended)
    assert took < 20, took
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    expect([line for line in left.splitlines() if line == "sleep 7301"], [], "survivors")


# ---- pull requests with real Terraform -------------------------------------------------------------------------------


def real(function):
    for name, program in (("terraform", "terraform"), ("opentofu", "tofu")):
        def run(name=name, program=program):
            found = tool(program)
            if found is None:
                raise sluice.Skip("%s is neither in .tools nor in PATH" % program)
            lab = Lab(**{"terraform": "", name: found})
            if cli_config():
                lab.options["cli_config"] = cli_config()
            try:
                lab.start()
                function(lab, name)
            finally:
                lab.close()
        CASES.append(("%s_%s" % (name, function.__name__), run))
    return function


def outputs(lab, name, expressions, op=PLAN):
    """Plans a project whose outputs are these expressions; the plan as text."""
    text = "".join('output "o%d" {\n  value = %s\n}\n' % pair for pair in enumerate(expressions))
    ended = lab.run(op, lab.tree("a", {"main.tf": text}), tool=name)
    expect(ended.outcome, "ok", ended)
    return ended.output


@real
def environment_has_nothing(lab, name):
    os.environ["CANARY_SERVER"] = "canary-4711"
    lab.driver.quit()
    lab.start()
    text = outputs(lab, name, ['split("\\u0000", try(file("/proc/self/environ"), "none"))[0]',
                               'try(filebase64("/proc/self/environ"), "none")',
                               'try(filebase64("/proc/1/environ"), "none")'])
    import base64
    encoded = re.search(r'o1 += "([^"]*)"', text).group(1)
    names = sorted(pair.split("=", 1)[0] for pair in base64.b64decode(encoded).decode().split("\0") if "=" in pair)
    allowed = {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "TF_IN_AUTOMATION", "TF_INPUT", "CHECKPOINT_DISABLE",
               "TF_CLI_CONFIG_FILE", "PWD", "TF_DATA_DIR", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy",
               "NO_PROXY", "no_proxy"}
    print(names, file=sys.stderr) if os.environ.get("VERBOSE") else None
    assert "canary" not in base64.b64decode(encoded).decode(), encoded
    expect([word for word in names if word not in allowed and not word.startswith("ATLANTIS_") and
            word not in CONTEXT], [], "variables beyond the list")
    assert 'o2 = "none"' in text or 'o2 = ""' in text, text


# What a workflow's command is told of its pull request; the tool's own steps see it too.
CONTEXT = {"BASE_BRANCH_NAME", "BASE_REPO_NAME", "BASE_REPO_OWNER", "COMMENT_ARGS", "DIR", "HEAD_BRANCH_NAME",
           "HEAD_COMMIT", "HEAD_REPO_NAME", "HEAD_REPO_OWNER", "PLANFILE", "SHOWFILE", "POLICYCHECKFILE", "PROJECT_NAME",
           "PULL_AUTHOR", "PULL_NUM", "PULL_URL", "REPO_REL_DIR", "USER_NAME", "WORKSPACE", "VERBOSE", "ESCAPED_COMMENT_ARGS"}


@real
def files_of_the_machine_are_not_there(lab, name):
    secret = os.path.join(lab.root, "server.secret")
    with open(secret, "w", encoding="utf-8") as out:
        out.write("canary-of-the-server")
    os.chmod(secret, 0o644)
    paths = [secret, lab.data + "/jobs", "/etc/shadow", "/etc/machine-id", "/proc/1/environ",
             "/proc/1/root/etc/shadow", "/sys/class/net"]
    text = outputs(lab, name, ['try(file("%s"), "none")' % path for path in paths] +
                   ['length(fileset("%s", "**"))' % lab.data])
    for i in range(len(paths)):
        assert 'o%d = "none"' % i in text, text
    assert "o%d = 0" % len(paths) in text, text


@real
def link_that_leaves_the_tree(lab, name):
    tree = lab.tree("a", {"main.tf": 'output "o" {\n  value = try(file("${path.module}/link"), "none")\n}\n'})
    os.symlink("/etc/shadow", os.path.join(lab.data, "repos", "1", "trees", tree, "link"))
    ended = lab.run(PLAN, tree, tool=name)
    expect(ended.outcome, "ok", ended)
    assert '"none"' in ended.output, ended


NET = """resource "terraform_data" "x" {
  provisioner "local-exec" {
    command     = <<EOT
for target in 169.254.169.254/80 127.0.0.1/%d; do
  (exec 3<>/dev/tcp/$target) 2>/dev/null && echo "reached $target" || echo "closed $target"
done
python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("\\0%s")' 2>/dev/null && echo "reached abstract" || echo "closed abstract"
EOT
    interpreter = ["/bin/bash", "-c"]
  }
}
"""


@real
def network_of_the_machine_is_not_there(lab, name):
    """A provisioner, with everything an apply has, tries the metadata address, a port and a socket of the server."""
    port, abstract = socket.socket(), socket.socket(socket.AF_UNIX)
    port.bind(("127.0.0.1", 0))
    port.listen(8)
    word = "sluice-net-%d" % os.getpid()
    abstract.bind("\0" + word)
    abstract.listen(8)
    tree = lab.tree("a", {"main.tf": NET % (port.getsockname()[1], word)})
    plan = lab.run(PLAN, tree, tool=name)
    expect(plan.outcome, "ok", plan)
    done = lab.run(APPLY, tree, tool=name, plan_blob=plan.plan_blob)
    expect(done.outcome, "ok", done)
    expect(done.output.count("): closed "), 3, done.output)
    # The same command outside gets through to what is ours.
    bare = subprocess.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/%d && echo reached" % port.getsockname()[1]],
                          capture_output=True, text=True, check=False).stdout
    expect(bare, "reached\n", "the attack itself works")


PROVIDER = "#!/bin/sh\necho ran > %s/provider-ran\nexit 1\n"


def repository_of(folder, files):
    repo = os.path.join(folder, "repo")
    os.mkdir(repo)
    sluice.git(folder, "init", "-q", "-b", "main", repo)
    sluice.write_files(repo, {"README": "base\n"})
    sluice.git(repo, "add", "-A")
    sluice.git(repo, "commit", "-qm", "base")
    sluice.git(repo, "checkout", "-qb", "topic")
    sluice.write_files(repo, files)
    for path in files:
        if "terraform-provider" in path:
            os.chmod(os.path.join(repo, path), 0o755)
    sluice.git(repo, "add", "-Af")
    sluice.git(repo, "commit", "-qm", "topic")
    return repo


@real
def committed_programs_are_not_run(lab, name):
    """A provider in terraform.d, one in .terraform with a lock file of its own, and a workspace chosen by a file."""
    from runner_lab import PREPARE
    host = "registry.terraform.io" if name == "terraform" else "registry.opentofu.org"
    place = "%s/evil/evil/1.0.0/linux_amd64/terraform-provider-evil_v1.0.0" % host
    program = PROVIDER % lab.seen
    repo = repository_of(lab.root, {
        "a/main.tf": 'terraform {\n  required_providers {\n    evil = { source = "evil/evil", version = "1.0.0" }\n  }\n}\n'
                     'resource "evil_x" "x" {}\n',
        "a/terraform.d/plugins/" + place: program,
        "a/.terraform/providers/" + place: program,
        "a/.terraform/environment": "prod",
        "b/main.tf": 'output "w" {\n  value = terraform.workspace\n}\n',
        "b/.terraform/environment": "prod"})
    head = subprocess.run(["git", "-C", repo, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    lab.driver.quit()
    lab.start(git=os.path.join(BUILD, "sluice-git"))
    ready = lab.run(PREPARE, "", tool="git", clone_url=repo, head=head, head_ref="refs/heads/topic", base_ref="refs/heads/main")
    expect(ready.outcome, "ok", ready)
    tree = os.path.join(lab.data, "repos", "1", "trees", ready.prepared["tree"])
    expect(sorted(os.listdir(os.path.join(tree, "a"))), ["main.tf"])
    ended = lab.run(PLAN, ready.prepared["tree"], tool=name, dir="a")
    expect((ended.outcome, ended.step), ("tool_failed", "init"), ended)
    expect(lab.lines("provider-ran"), [], "a program of the pull request was run")
    ended = lab.run(PLAN, ready.prepared["tree"], tool=name, dir="b")
    expect(ended.outcome, "ok", ended)
    assert '"default"' in ended.output, ended
    # The same repository, the tool alone: there the program runs.
    bare = os.path.join(lab.root, "bare")
    shutil.copytree(repo + "/a", bare)
    shutil.rmtree(bare + "/.terraform")
    env = {"PATH": os.environ["PATH"], "HOME": lab.root, "CHECKPOINT_DISABLE": "1"}
    for verb in (["init", "-input=false"], ["plan", "-input=false"]):
        subprocess.run([lab.options[name], *verb], cwd=bare, env=env, capture_output=True, timeout=60, check=False)
    expect(lab.lines("provider-ran")[:1], ["ran"], "the attack itself works")


# ---- the run ---------------------------------------------------------------------------------------------------------


def main():
    sluice.run_cases("sandbox", CASES)


main()
