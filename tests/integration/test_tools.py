#!/usr/bin/env python3
"""Pinned tools that are not in their folder: they come from the mirror, checked, whole, and once.

    tests/integration/test_tools.py [CASE ...]

The tool is the stub of the runner suites; the mirror is an HTTP server of our own, or a folder."""

import hashlib
import http.server
import os
import sys
import threading
import time
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from sluice import named_cases, run_cases  # noqa: E402
from runner_lab import BUILD, PLAN, Lab  # noqa: E402

NAME = "terraform-9.8.7"


def expect(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


class Mirror:
    """Serves `files` by path; `asked` is what it was asked for."""

    def __init__(self, files):
        mirror = self
        self.files, self.asked, self.wait_s = files, [], 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                time.sleep(mirror.wait_s)
                body = mirror.files.get(self.path)
                if body is None or body.startswith(b"/"):
                    self.send_response(404 if body is None else 302)
                    if body is not None:
                        self.send_header("Location", body.decode())
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/m" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Place:
    def __init__(self, files=None):
        self.lab = Lab()
        self.tools = os.path.join(self.lab.root, "tools")
        os.mkdir(self.tools)
        os.chmod(self.tools, 0o755)
        self.lab.options["tools"] = self.tools
        with open(os.path.join(BUILD, "tests", "stub-terraform"), "rb") as stream:
            self.program = stream.read()
        self.sha256 = hashlib.sha256(self.program).hexdigest()
        self.mirror = Mirror(files if files is not None else {"/m/" + NAME: self.program})

    def __enter__(self):
        self.lab.start()
        self.tree = self.lab.tree("a", {"main.tf": ""})
        return self

    def __exit__(self, *_):
        self.mirror.close()
        self.lab.close()

    def wish(self, **more):
        return dict({"tool_version": "9.8.7", "tool_sha256": self.sha256, "tool_mirror": self.mirror.url}, **more)

    def plan(self, **more):
        return self.lab.run(PLAN, self.tree, **self.wish(**more))

    def refused(self, says, **more):
        plan = self.plan(**more)
        expect((plan.outcome, plan.step), ("setup_failed", "tool"), plan)
        assert says in plan.failure, plan.failure
        expect([name for name in os.listdir(self.tools) if not name.endswith(".lock")], [], "nothing is left")


def case_over_http():
    with Place() as place:
        expect(place.plan().outcome, "ok")
        with open(os.path.join(place.tools, NAME), "rb") as stream:
            expect(stream.read(), place.program)
        expect(os.stat(os.path.join(place.tools, NAME)).st_mode & 0o777, 0o755)
        expect(place.plan().outcome, "ok", "and is there the next time")
        expect(place.mirror.asked, ["/m/" + NAME])


def case_from_a_folder():
    with Place() as place:
        folder = os.path.join(place.lab.root, "mirror")
        os.mkdir(folder)
        with open(os.path.join(folder, NAME), "wb") as stream:
            stream.write(place.program)
        expect(place.plan(tool_mirror=folder).outcome, "ok")
        expect(place.mirror.asked, [])


def case_out_of_a_zip():
    with Place({}) as place:
        path = os.path.join(place.lab.root, "t.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("LICENSE.txt", "free")
            archive.writestr("terraform", place.program)
        with open(path, "rb") as stream:
            place.mirror.files["/m/terraform/9.8.7/t.zip"] = stream.read()
        expect(place.plan(tool_archive="terraform/9.8.7/t.zip").outcome, "ok")


def case_zips_that_are_none():
    with Place({"/m/a.zip": b"PK nonsense", "/m/empty.zip": b""}) as place:
        path = os.path.join(place.lab.root, "o.zip")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("bin/terraform", place.program)
        with open(path, "rb") as stream:
            place.mirror.files["/m/o.zip"] = stream.read()
        place.refused("cannot be had from the mirror", tool_archive="a.zip")
        place.refused("the archive is empty", tool_archive="empty.zip")
        place.refused("holds no terraform", tool_archive="o.zip")


def case_another_program():
    with Place({"/m/" + NAME: b"#!/bin/sh\necho trojan\n"}) as place:
        place.refused("is not the program that the operator pinned")


def case_not_there():
    with Place({}) as place:
        place.refused("status 404")
        place.mirror.files["/m/" + NAME] = b"/elsewhere"
        place.refused("status 302")
        place.refused("cannot be had from the mirror", tool_mirror="http://127.0.0.1:1")
        place.refused("No such file", tool_mirror="/nowhere/at/all")


def case_not_pinned():
    with Place() as place:
        place.refused("does not pin it", tool_sha256="")
        place.refused("is not in the folder", tool_version="../9.8.7")
        place.refused("is not in the folder", tool_mirror="")
        expect(place.mirror.asked, [], "nobody was asked")


def case_two_at_once():
    with Place() as place:
        place.mirror.wait_s = 1
        jobs = [place.lab.ask(PLAN, place.tree, dir=".", workspace="w%d" % i, **place.wish()) for i in range(3)]
        for job in jobs:
            expect(place.lab.driver.ended(job).outcome, "ok")
        expect(place.mirror.asked, ["/m/" + NAME], "it was downloaded once")


if __name__ == "__main__":
    run_cases("tools", named_cases(globals()))
