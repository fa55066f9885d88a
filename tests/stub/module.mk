# The stub tool: build/MODE/tests/stub-terraform, static, because tests and benches start it thousands of times.
TEST_PROGRAMS += tests/stub-terraform
tests/stub-terraform_MAIN := tests/stub/tool.c tests/stub/plan_zip.c
tests/stub-terraform_USES :=
tests/stub-terraform_LDFLAGS := $(if $(filter asan tsan cov fuzz,$(MODE)),,-static-pie)
