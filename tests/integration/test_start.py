#!/usr/bin/env python3
"""A server that cannot start says what is wrong, where, and what to do; it ends with status 78 within seconds and harms
nothing: not the data it found, not the server that runs already."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)

MODE = os.environ.get("MODE", "debug")
PROGRAMS = ("sluice", "sluice-job", "sluice-git")
UNFIT = 78
NOBODY = 65534


class Place:
    """A folder with the programs, a configuration and a data folder, all of them there to be spoiled."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = os.path.join(folder, "bin")
        self.data = os.path.join(folder, "data")
        self.config = os.path.join(folder, "server.yaml")
        self.user = None
        os.mkdir(self.bin)
        os.chmod(folder, 0o755)
        for program in PROGRAMS:
            shutil.copy2(os.path.join(sluice.ROOT, "build", MODE, program), self.bin)
        self.write("server.yaml", "listen: 127.0.0.1:0\n")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(self.path(name), mode)

    def give(self, name):
        """To an ordinary user, who then starts the server: root may read everything."""
        self.user = NOBODY if os.geteuid() == 0 else None
        if self.user is not None:
            os.chown(self.path(name), NOBODY, NOBODY)

    def serve(self, **options):
        return subprocess.Popen(
            [self.path("bin", "sluice"), "serve", "--config", self.config, "--data", self.data], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder, user=self.user,
            extra_groups=None if self.user is None else [], **options)

    def ready(self):
        """A server that lives, and what it said so far."""
        process = self.serve()
        line = process.stdout.readline()
        if '"ready"' not in line:
            process.kill()
            raise AssertionError("it did not start: %s" % line)
        return process

    def once(self):
        """Starts, is stopped at once; leaves good data."""
        process = self.ready()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    def files(self):
        found = {}
        for folder, folders, names in os.walk(self.data):
            if folder == self.data and "box" in folders:
                folders.remove("box")  # where sandboxes are tried; a server that starts does it again
            for name in names:
                path = os.path.join(folder, name)
                if stat.S_ISREG(os.lstat(path).st_mode) and not name.endswith(".lock"):
                    with contextlib.suppress(PermissionError), open(path, "rb") as content:
                        found[path] = content.read()
        return found


    def rest(self):
        """Until a server that has just started has written what it had to."""
        before, now = None, self.files()
        while now != before:
            time.sleep(0.2)
            before, now = now, self.files()


def refuses(place, *words):
    before = place.files()
    process = place.serve()
    try:
        said = process.communicate(timeout=20)[0]
    except subprocess.TimeoutExpired as late:
        process.kill()
        raise AssertionError("it runs") from late
    if process.returncode != UNFIT:
        raise AssertionError("status %s: %s" % (process.returncode, said))
    for word in words:
        if word not in said:
            raise AssertionError("it does not say %r: %s" % (word, said))
    after = place.files()
    for path, content in before.items():
        if after.get(path) != content:
            raise AssertionError("%s is not what it was" % path)


# ---- configuration --------------------------------------------------------------------------------------------------

CONFIGS = [  # name, server.yaml, what is said
    ("unknown key", "lisen: 127.0.0.1:0\n", ["server.yaml:1:1", "lisen", 'did you mean "listen"']),
    ("wrong value", "slots: many\n", ["server.yaml:1:8", "slots"]),
    ("out of range", "slots: 0\n", ["server.yaml:1:8", "slots", "1"]),
    ("a duration without unit", "limits:\n  request_deadline: 5\n", ["server.yaml:2:21", "request_deadline"]),
    ("two errors, both told", "slots: many\nlocal: perhaps\n", ["server.yaml:1:8", "server.yaml:2:8"]),
    ("not YAML", "listen: [\n", ["server.yaml:2"]),
    ("a key twice", "slots: 2\nslots: 3\n", ["server.yaml:2:1", "slots"]),
    ("a tab", "limits:\n\tbody: 1MiB\n", ["server.yaml:2"]),
    ("NUL", "listen: 127.0.0.1:0\n\0", ["server.yaml:2:1"]),
    ("an address that is a name", "listen: localhost:0\n", ["server.yaml:1:9", "ADDRESS:PORT"]),
    ("a port that is none", "listen: 127.0.0.1:99999\n", ["server.yaml:1:9", "ADDRESS:PORT"]),
    ("an address of another machine", "listen: 192.0.2.1:0\n", ["192.0.2.1", "choose another `listen:`"]),
]


def config(text, words):
    def check(place):
        place.write("server.yaml", text)
        refuses(place, *words)
    return check


def config_missing(place):
    os.unlink(place.config)
    refuses(place, "server.yaml", "No such file")


def config_a_folder(place):
    os.unlink(place.config)
    os.mkdir(place.config)
    refuses(place, "server.yaml", "directory")


def config_unreadable(place):
    os.mkdir(place.data)
    place.give("data")
    os.chmod(place.config, 0)
    refuses(place, "server.yaml", "Permission denied")


# ---- the data folder ------------------------------------------------------------------------------------------------

def data_a_file(place):
    place.write("data", "a file")
    refuses(place, place.data, "not a directory", "--data")


def data_unreadable(place):
    place.once()
    os.chmod(place.data, 0)
    place.give("server.yaml")
    refuses(place, place.data, "--data")


def data_not_writable(place):
    os.mkdir(place.path("closed"))
    place.give("server.yaml")
    place.data = place.path("closed", "data")
    refuses(place, place.path("closed"), "Permission denied")


def database_not_writable(place):
    place.once()
    if os.geteuid() == 0:
        for folder, folders, names in os.walk(place.data):
            for name in folders + names:
                os.lchown(os.path.join(folder, name), NOBODY, NOBODY)
        place.give("data")
        os.chown(place.path("data", "sluice.db"), 0, 0)
    os.chmod(place.path("data", "sluice.db"), 0o444 if os.geteuid() == 0 else 0)
    refuses(place, "sluice.db", "ermission denied")


def data_path_too_long(place):
    place.data = place.path("d" * 100)
    refuses(place, "too long", place.data, "--data")


def database_garbage(place):
    place.write("data/sluice.db", "this is no database. " * 500)
    refuses(place, place.path("data", "sluice.db"), "not a database", "restore")


def database_of_the_future(place):
    place.once()
    with contextlib.closing(sqlite3.connect(place.path("data", "sluice.db"))) as database:
        database.execute("INSERT INTO meta VALUES(99)")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    refuses(place, "newer sluice", "99")


def database_cut_short(place):
    place.once()
    os.truncate(place.path("data", "sluice.db"), 3 * 4096)
    refuses(place, place.path("data", "sluice.db"), "damaged", "restore")


def database_a_folder(place):
    os.makedirs(place.path("data", "sluice.db"))
    refuses(place, place.path("data", "sluice.db"), "directory")


def secret_too_short(place):
    place.write("data/local.secret", "short")
    refuses(place, place.path("data", "local.secret"), "too short", "remove it")


def jobs_a_file(place):
    place.write("data/jobs", "")
    refuses(place, place.path("data") + "/jobs", "a directory")


# ---- others ---------------------------------------------------------------------------------------------------------

def port_taken(place):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        place.write("server.yaml", "listen: 127.0.0.1:%d\n" % port)
        refuses(place, "127.0.0.1", str(port), "in use", "choose another `listen:`")


def second_server(place):
    first = place.ready()
    try:
        place.rest()
        refuses(place, "another server", str(first.pid), "stop it first", "--data")
        if not os.path.exists(place.path("data", "sluice.sock")):
            raise AssertionError("the first server's socket is gone")
        done = subprocess.run([place.path("bin", "sluice"), "runs", "--data", place.data], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise AssertionError("the first server does not answer any more: %s" % done.stdout)
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=20)


def after_kill(place):
    """What a killed server leaves (a lock file, a socket, a log) keeps nobody out."""
    first = place.ready()
    first.kill()
    first.communicate()
    place.once()


def ipv6(place):
    place.write("server.yaml", "listen: '[::1]:0'\n")
    process = place.serve()
    line = process.stdout.readline()
    try:
        port = int(line.split('"port":')[1].split(",")[0])
        with socket.create_connection(("::1", port), timeout=5) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: s\r\n\r\n")
            if b"200 OK" not in connection.recv(1000):
                raise AssertionError("it does not answer")
    finally:
        process.terminate()
        process.communicate(timeout=20)


def program_missing(name):
    def check(place):
        os.unlink(place.path("bin", name))
        refuses(place, "sluice-job and sluice-git are not beside sluice", "install all three")
    return check


def launcher_cannot_run(place):
    place.write("bin/sluice-job", "this is no program\n", 0o755)
    refuses(place, place.path("bin", "sluice-job"))


def stopped_again_and_again(place):
    """The moment does not matter: each start after a stop at any point of the start works."""
    for delay in range(0, 30, 3):
        process = place.serve()
        time.sleep(delay / 1000)
        process.kill()
        process.communicate()
    place.once()


CASES = [("configuration: " + name, config(*rest)) for name, *rest in CONFIGS] + [
    ("configuration: not there", config_missing),
    ("configuration: a folder", config_a_folder),
    ("configuration: unreadable", config_unreadable),
    ("data folder: a file", data_a_file),
    ("data folder: unreadable", data_unreadable),
    ("data folder: cannot be made", data_not_writable),
    ("data folder: path too long for a socket", data_path_too_long),
    ("database: unreadable", database_not_writable),
    ("database: garbage", database_garbage),
    ("database: written by a newer program", database_of_the_future),
    ("database: cut short", database_cut_short),
    ("database: a folder", database_a_folder),
    ("secret: too short", secret_too_short),
    ("jobs: a file", jobs_a_file),
    ("port taken", port_taken),
    ("second server on the same data", second_server),
    ("started after a kill", after_kill),
    ("listens on IPv6", ipv6),
    ("sluice-job is missing", program_missing("sluice-job")),
    ("sluice-git is missing", program_missing("sluice-git")),
    ("sluice-job is no program", launcher_cannot_run),
    ("killed while it starts", stopped_again_and_again),
]


def main():
    results = sluice.Results("start")
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, check in CASES:
        if only not in name:
            continue
        folder = tempfile.mkdtemp(prefix="sluice-start-")
        try:
            check(Place(folder))
            results.row("passed", name)
        except (AssertionError, OSError, subprocess.SubprocessError, ValueError, IndexError) as problem:
            results.row("failed", name, "%s: %s" % (type(problem).__name__, problem))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    results.end()


if __name__ == "__main__":
    main()
