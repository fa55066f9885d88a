"""sluice-git with a data folder of its own, and repositories to try it on: honest ones, and trees no git would make."""

import http.server
import json
import os
import shutil
import socketserver
import subprocess
import tempfile
import time

from sluice import GIT_ENV, ROOT, git, make_repository

PROGRAM = os.path.join(ROOT, "build", os.environ.get("MODE", "debug"), "sluice-git")
WRAPPER = os.environ.get("WRAPPER", "").split()
IS_SLOW = bool(WRAPPER) or os.environ.get("MODE", "debug") not in ("debug", "release")


class Answer:
    def __init__(self, code, document, stderr, seconds):
        self.code, self.document, self.stderr, self.seconds = code, document, stderr, seconds
        self.error = document.get("error", "")
        self.kind = document.get("class", "")
        self.prepared = document.get("prepared", {})
        self.warnings = document.get("warnings", [])

    def __getattr__(self, name):
        return self.prepared[name]

    def need(self, code):
        again = self.code == 4  # failed, and a later try may help: the answer says the same
        assert again == (self.kind == "temp"), "exit %d, class %s" % (self.code, self.kind)
        assert (1 if again else self.code) == code, "exit %d: %s %s" % (self.code, self.document, self.stderr[-2000:])
        return self


class Lab:
    """A data folder, and repositories beside it."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="sluice-git-")
        self.data = os.path.join(self.root, "data")
        os.makedirs(self.data)
        self.count = 0
        # libpcre2 under libgit2 keeps its buffers; under a leak checker only our own leaks count
        with open(self.path("lsan"), "w", encoding="utf-8") as out:
            out.write("leak:libpcre2\n")
        self.checked = {"ASAN_OPTIONS": "detect_leaks=1", "LSAN_OPTIONS": "print_suppressions=0:suppressions=" + self.path("lsan")}

    def path(self, name):
        return os.path.join(self.root, name)

    def repo(self, base, branches, name="r.git"):
        self.heads = make_repository(self.path(name), base, branches)
        return self.path(name)

    def prepare(self, url, head, head_ref="feature", base_ref="main", repo=1, near="", env=None, cwd=None, words=("prepare",),
                **job):
        self.count += 1
        stem = self.path("job%d" % self.count)
        order = {"job": self.count, "attempt": 1, "op": 1, "tool": "git", "repo": repo, "repo_name": "team/infra",
                 "clone_url": url, "number": 1, "head": head, "head_ref": head_ref, "base_ref": base_ref,
                 "near_tree": near, "tree": "", "dir": "", "workspace": "", "project": "", "extra_args": [],
                 "plan_blob": "", "step_timeout_ms": 1, "stop_grace_ms": 1, "output_cap_bytes": 1}
        order.update(job)
        with open(stem + ".json", "w", encoding="utf-8") as out:
            json.dump(order, out)
        begin = time.monotonic()
        done = subprocess.run(WRAPPER + [PROGRAM, *words, "--job", stem + ".json", "--data", self.data, "--answer",
                                         stem + ".answer"], env=dict(self.checked, **(env or {})), cwd=cwd or "/",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        seconds = time.monotonic() - begin
        assert done.returncode in (0, 1, 3, 4), "exit %d: %s" % (done.returncode, done.stderr[-3000:])
        with open(stem + ".answer", encoding="utf-8") as text:
            return Answer(done.returncode, json.load(text), done.stderr, seconds)

    def adopt(self, url, before, view, layer=None, **job):
        """What hooks made of the work tree of an earlier answer."""
        return self.prepare(url, before.head, words=("adopt", "--view", view, "--layer", layer or view), op=6, base=before.base,
                            tree=job.pop("tree", before.tree), is_before=True, **job)

    def tree(self, name, repo=1):
        return os.path.join(self.data, "repos", str(repo), "trees", name)

    def trees(self, repo=1):
        return sorted(os.listdir(os.path.join(self.data, "repos", str(repo), "trees")))

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)


def folders(answer):
    """What each folder of the merged tree holds."""
    found, path = {}, ""
    for line in answer.folders.splitlines():
        shared, holds, rest = line.split(" ", 2)
        path = (path.encode()[:int(shared)] + rest.encode()).decode()
        found[path] = int(holds)
    return found


def uses(answer):
    """Which folder uses which, by their paths."""
    paths, found = list(folders(answer)), []
    for line in answer.prepared["uses"].splitlines():
        folder, module = line.split(" ", 1)
        found.append((paths[int(folder)], module[1:] if module[0] == "=" else paths[int(module)]))
    return found


def terraform(answer):
    return [path for path, holds in folders(answer).items() if holds & 1]


def disk_kib(folder):
    return int(subprocess.check_output(["du", "-sk", folder]).split()[0])


def snapshot(folder):
    """{path: (kind, mode, content)} of everything below."""
    found = {}
    for here, folders, files in os.walk(folder):
        for name in files + folders:
            path = os.path.join(here, name)
            key = os.path.relpath(path, folder)
            if os.path.islink(path):
                found[key] = ("link", os.readlink(path))
            elif os.path.isfile(path):
                with open(path, "rb") as content:
                    found[key] = ("file", os.stat(path).st_mode & 0o111 != 0, content.read())
    return found


def archive(repo, tree):
    folder = tempfile.mkdtemp(prefix="sluice-archive-")
    packed = subprocess.run(["git", "-C", repo, "archive", "--format=tar", tree], stdout=subprocess.PIPE, check=True,
                            env=GIT_ENV).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
    found = snapshot(folder)
    shutil.rmtree(folder)
    return found


# ---- raw objects: what git itself refuses to make ----

def put(repo, kind, content):
    return subprocess.run(["git", "-C", repo, "hash-object", "-t", kind, "-w", "--stdin", "--literally"], input=content,
                          stdout=subprocess.PIPE, check=True, env=GIT_ENV).stdout.decode().strip()


def put_tree(repo, entries, is_sorted=True):
    if is_sorted:
        entries = sorted(entries, key=lambda e: e[1] + (b"/" if e[0] == "40000" else b""))
    return put(repo, "tree", b"".join(m.encode() + b" " + n + b"\0" + bytes.fromhex(o) for m, n, o in entries))


def put_commit(repo, tree, parents, message=b"change\n", who=b"mallory <m@example.org>"):
    lines = [b"tree " + tree.encode()] + [b"parent " + p.encode() for p in parents]
    lines += [b"author " + who + b" 1700000000 +0000", b"committer " + who + b" 1700000000 +0000", b"", message]
    return put(repo, "commit", b"\n".join(lines))


def hostile(lab, entries, is_sorted=True, base=None):
    """A commit whose tree is the base's and these entries, prepared."""
    repo = lab.path("r.git")
    if not os.path.isdir(repo):
        lab.repo(base or {"main.tf": "# base\n"}, {})
    present = []
    for line in git(repo, "ls-tree", "main").splitlines():
        left, name = line.split("\t")
        mode, _, oid = left.split()
        present.append((mode.lstrip("0"), name.encode(), oid))
    head = put_commit(repo, put_tree(repo, present + entries, is_sorted), [lab.heads["main"]])
    return lab.prepare(repo, head)


# ---- cases ----


class SmartHttp(http.server.BaseHTTPRequestHandler):
    """git http-backend behind Python's server; the folder and the password come from the server."""

    def log_message(self, *_):
        pass

    def answer(self):
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.requests += 1
        env = dict(GIT_ENV, GIT_PROJECT_ROOT=self.server.root, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
                   REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(length),
                   REMOTE_ADDR="127.0.0.1")
        done = subprocess.run(["git", "-c", "safe.directory=*", "http-backend"], input=body, stdout=subprocess.PIPE, env=env, check=False).stdout
        head, _, content = done.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(lines.pop("Status", "200").split()[0]))
        for key, value in lines.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.server.sent += len(content)

    do_GET = do_POST = answer


class ThreadingServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
