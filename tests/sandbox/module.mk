# What is tried against the sandbox, as root and as an ordinary user.
TEST_PROGRAMS += tests/deny
tests/deny_MAIN := tests/sandbox/deny.c
tests/deny_USES :=
tests/deny_LIBS := -lseccomp
TEST_PROGRAMS += tests/sandbox-cost
tests/sandbox-cost_MAIN := tests/sandbox/cost.c
tests/sandbox-cost_USES := runner model lib
tests/sandbox-cost_LDFLAGS := $(if $(filter asan tsan cov fuzz,$(MODE)),,-static-pie)
suite_sandbox = python3 tests/sandbox/test_sandbox.py ## attacks on the sandbox, kernels that lack something, floods
suite_attacks = python3 tests/sandbox/test_pulls.py ## hostile pull requests on a running server, with real terraform and checkov
