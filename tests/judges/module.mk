# Webhook bodies through the parsers of the server, for judges in other languages.
TEST_PROGRAMS += tests/read-event
tests/read-event_MAIN := tests/judges/read_event.c
tests/read-event_USES := vcs_gitea vcs_github model lib

suite_judges = python3 tests/judges/test_judges.py ## what others wrote about what we say and hear: GitHub's own descriptions, examples, emulate
