# What is tried against the sandbox, as root and as an ordinary user.
TEST_PROGRAMS += tests/deny
tests/deny_MAIN := tests/sandbox/deny.c
tests/deny_USES :=
tests/deny_LIBS := -lseccomp
suite_sandbox = python3 tests/sandbox/test_sandbox.py ## attacks on the sandbox, kernels that lack something, floods
