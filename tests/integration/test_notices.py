#!/usr/bin/env python3
"""Notices on their way: Slack, signed webhooks and mail that fail in every way, servers that die; nothing is lost, nothing
comes twice where that can be known.

    tests/integration/test_notices.py [CASE ...]

Real server, stub tool, local host, receivers of our own (tests/lib/fake_slack.py). Each notice is about an apply; what a
notice says is tested elsewhere. Results: build/report/results/notices.tsv; on stdout only what did not pass."""

import contextlib
import glob
import hashlib
import hmac
import json
import os
import re
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402  (the path is set just above)
from fake_slack import CHANNEL, FakeMail, FakeSlack  # noqa: E402
from lab import Lab, until  # noqa: E402

KEY = "a-key-that-signs-webhooks"
SETTINGS = """notifications:
- {{kind: slack, events: apply, channel: {channel}, secret_file: {folder}/token, url: {slack}/api}}
- {{kind: slack, name: hook, events: apply, url_file: {folder}/hook}}
- {{kind: webhook, events: [apply, failure], url: {slack}/json, secret_file: {folder}/key}}
- {{kind: mail, events: apply, url: '{mail}', from: sluice@example.org, to: [team@example.org, ops@example.org], user: sluice,
   secret_file: {folder}/password, starttls: {starttls}}}
- {{kind: webhook, name: other, events: apply, url: {slack}/other, secret_file: {folder}/key, branches: '^release/'}}
"""
# the mail server of these tests has no certificate; that a password never goes without one is tested by itself
IN_THE_CLEAR = SETTINGS.replace(", user: sluice,\n   secret_file: {folder}/password", "")


class Place:
    """A server with receivers of its own, and a pull request that is planned and approved."""

    def __init__(self, folder, settings=IN_THE_CLEAR, channel=CHANNEL, starttls="false"):
        self.slack, self.mail = FakeSlack(), FakeMail()
        for name, text in (("token", "xoxb-token-of-the-bot"), ("key", KEY), ("hook", self.slack.url + "/hook"),
                           ("password", "the-password-of-mail")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text + "\n")
        self.lab = Lab(os.path.join(folder, "lab"), config=settings.format(
            folder=folder, slack=self.slack.url, mail=self.mail.url, channel="'%s'" % channel, starttls=starttls))

    def apply(self):
        self.lab.start()
        self.lab.plan()
        self.lab.approve()
        self.lab.say("sluice apply")

    def close(self):
        self.lab.server.stop()
        self.slack.close()
        self.mail.close()

    def everything(self):
        return self.slack.posts and self.slack.hooks and self.slack.jsons and self.mail.mails

    def rest(self):
        """Nothing waits any more: the outbox is empty."""
        until(lambda: self.lab.server.pending() == 0, 30 * sluice.SLOWER, "something still waits")

    def counts(self):
        return len(self.slack.posts), len(self.slack.hooks), len(self.slack.jsons), len(self.mail.mails)


@contextlib.contextmanager
def place(**options):
    with tempfile.TemporaryDirectory(prefix="sluice-notices-") as folder:
        os.chmod(folder, 0o711)
        os.mkdir(os.path.join(folder, "lab"))
        one = Place(folder, **options)
        try:
            yield one
        finally:
            one.close()


def arrived(one, what="a notice is missing"):
    until(one.everything, 30 * sluice.SLOWER, what)
    one.rest()


def case_an_apply_is_told():
    with place() as one:
        one.apply()
        arrived(one)
        assert one.counts() == (1, 1, 1, 1), one.counts()
        post = one.slack.posts[0]
        assert post["channel"] == CHANNEL and "apply" in post["text"] and post["unfurl_links"] is False, post
        assert post["metadata"]["event_payload"]["key"].startswith("run:"), post
        headers, body = one.slack.jsons[0]
        expected = hmac.new(KEY.encode(), (headers["X-Sluice-Timestamp"] + "." + body).encode(), hashlib.sha256).hexdigest()
        assert headers["X-Sluice-Signature"] == "sha256=" + expected, headers
        assert headers["X-Sluice-Event"] == "apply" and headers["X-Sluice-Delivery"], headers
        sender, receivers, mail = one.mail.mails[0]
        assert "sluice@example.org" in sender and len(receivers) == 2, (sender, receivers)
        assert mail["Subject"].startswith("sluice: apply of r#1 done"), mail["Subject"]
        assert "Applied" in mail.get_content() and mail["Message-ID"].endswith(".sluice@example.org>"), mail
        log = one.lab.server.log_text()
        for secret in ("xoxb-token-of-the-bot", KEY, one.slack.url + "/hook"):
            assert secret not in log and secret not in str(one.slack.posts), secret


def case_what_passes_is_waited_for():
    """429 with and without a wait, errors of Slack's own with status 200, 500, a connection that breaks, mail that is busy."""
    with place() as one:
        one.slack.faults = [("chat.post", "status", 429, {"Retry-After": "1"}), ("chat.post", "error", "ratelimited"),
                            ("hook", "status", 500), ("hook", "reset"), ("json", "status", 503), ("json", "reset")]
        one.mail.faults = [("MAIL", "451 later")]
        one.apply()
        arrived(one)
        assert one.counts() == (1, 1, 1, 1), one.counts()
        assert not one.slack.faults and not one.mail.faults


def case_what_had_arrived_is_looked_for():
    """Taken, and the answer was lost: by the channel's id it is found, the others say that it may be the second time."""
    with place() as one:
        one.slack.faults = [("chat.post", "lost"), ("hook", "lost"), ("json", "lost")]
        one.apply()
        until(lambda: len(one.slack.hooks) == 2 and len(one.slack.jsons) == 2, 30 * sluice.SLOWER, "sent once only")
        arrived(one)
        assert len(one.slack.posts) == 1 and one.slack.looks == 1, (len(one.slack.posts), one.slack.looks)
        assert "second time" not in str(one.slack.hooks[0]) and "second time" in str(one.slack.hooks[1])
        assert len({headers["X-Sluice-Delivery"] for headers, _ in one.slack.jsons}) == 1
        assert len({body for _, body in one.slack.jsons}) == 1


def case_a_channel_by_its_name():
    """It cannot be read, so it is sent again, with a word about it."""
    with place(channel="#platform") as one:
        one.slack.faults = [("chat.post", "lost")]
        one.apply()
        until(lambda: len(one.slack.posts) == 2, 30 * sluice.SLOWER, "sent once only")
        arrived(one)
        assert one.slack.looks == 0 and "second time" in str(one.slack.posts[1]), one.slack.posts


def case_the_server_dies_before_the_answer():
    with place() as one:
        answer = threading.Event()
        one.slack.faults = [(what, "hold", answer) for what in ("chat.post", "json")]
        one.apply()
        until(lambda: one.slack.posts and one.slack.jsons, 30 * sluice.SLOWER, "nothing was sent")
        one.lab.server.kill()
        answer.set()
        one.lab.start()
        until(lambda: len(one.slack.jsons) == 2, 30 * sluice.SLOWER, "the webhook is not repeated")
        arrived(one)
        assert len(one.slack.posts) == 1, "Slack was told twice"
        assert len({headers["X-Sluice-Delivery"] for headers, _ in one.slack.jsons}) == 1
        assert len({mail["Message-ID"] for _, _, mail in one.mail.mails}) == 1


def case_dead_while_slack_is_away():
    with place() as one:
        one.slack.faults = [(what, "status", 503) for what in ("chat.post", "hook", "json") for _ in range(3)]
        one.apply()
        until(lambda: len(one.slack.faults) <= 6, 30 * sluice.SLOWER, "nothing was tried")
        one.lab.server.kill()
        one.slack.faults = []
        one.lab.start()
        arrived(one, "a notice was lost")
        assert one.counts()[0] == 1 and one.counts()[2] == 1, one.counts()


def case_a_password_never_goes_in_the_clear():
    with place(settings=SETTINGS, starttls="true") as one:
        one.apply()
        until(lambda: "the mail server" in one.lab.server.log_text(), 30 * sluice.SLOWER, "nothing is said of it")
        assert not one.mail.logins and not one.mail.mails


DRIFT = """notifications:
- {{kind: slack, events: drift, channel: {channel}, secret_file: {folder}/token, url: {slack}/api}}
- {{kind: webhook, events: drift, url: {slack}/json, secret_file: {folder}/key, projects: nobody}}
- {{kind: ping, events: drift, url_file: {folder}/ping}}
"""


def case_drift_is_told_once():
    """What was merged and never applied is told by the first look, and by no second one; both looks are pinged."""
    with place(settings=DRIFT) as one:
        with open(os.path.join(one.lab.folder, "..", "ping"), "w", encoding="utf-8") as file:
            file.write(one.slack.url + "/ping\n")
        one.lab.start()
        one.lab.plan()
        one.lab.server.must("POST", "/local/pulls/1/merge", {"as": "ann"})
        one.rest()
        for looks in (1, 2):
            one.lab.server.must("POST", "/api/drift/run", {"actor": "olga"})
            until(lambda wanted=looks: one.slack.pings == wanted, 60 * sluice.SLOWER, "no ping after look %d" % looks)
            one.rest()
        assert one.counts() == (1, 0, 0, 0), one.counts()
        assert "1 failed" not in one.slack.posts[0]["text"], one.slack.posts[0]["text"]
        assert "merged, never applied" in str(one.slack.posts[0]["blocks"]), one.slack.posts[0]


def slack_models():
    """What Slack itself publishes to check messages with, or a reason to skip."""
    found = glob.glob(os.path.join(sluice.ROOT, ".tools", "slack-sdk", "*", "python"))
    if not found:
        raise sluice.Skip("no slack-sdk in .tools; run scripts/setup test")
    sys.path.insert(0, found[-1])
    from slack_sdk.models import blocks  # noqa: PLC0415  (only here it is on the path)
    return blocks


def case_slacks_own_models_take_it():
    """Every message of tests/golden/notices.txt, block by block; and a block that is too long is refused by them."""
    models = slack_models()
    with open(os.path.join(sluice.ROOT, "tests", "golden", "notices.txt"), encoding="utf-8") as file:
        lists = [json.loads(text) for text in re.findall(r"^\[\n.*?^\]$", file.read(), re.MULTILINE | re.DOTALL)]
    blocks = [block for messages in lists for message in messages for block in message["blocks"]]
    assert len(lists) >= 8 and len(blocks) > 30, (len(lists), len(blocks))
    for block in blocks:
        parsed = models.Block.parse(block)
        assert type(parsed) is not models.Block and parsed.to_dict() == block, block
    for long in ({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
                 {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}):
        try:
            models.Block.parse(long).to_dict()
        except Exception:  # any of theirs
            continue
        raise AssertionError("the models refuse nothing: %s" % long["type"])


if __name__ == "__main__":
    sluice.run_cases("notices", sluice.named_cases(globals()), workers=4)
