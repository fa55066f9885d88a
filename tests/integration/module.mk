# Programs that the integration suites drive.
TEST_PROGRAMS += tests/runner-driver
tests/runner-driver_MAIN := tests/integration/runner_driver.c
tests/runner-driver_USES := executor model lib_loop lib

suite_http = python3 tests/integration/test_http.py ## hostile HTTP against a running server
suite_start = python3 tests/integration/test_start.py ## a server that cannot start says why
suite_faults = python3 tests/integration/test_faults.py ## what people see when tool, disk, database or clock fail
suite_git = tests/integration/test_git.py ## sluice-git on ordinary and hostile repositories
suite_projects = tests/integration/test_projects.py ## sluice projects on real repositories: what is selected, and why
suite_runners = python3 tests/integration/test_runners.py ## jobs: hostile and real tools, kills, restarts
suite_provenance = tests/integration/test_provenance.py ## real tools: plans that somebody changes while they are made
suite_network = python3 tests/integration/test_network.py ## jobs reach whom the operator named, and nobody else
suite_workflows = tests/integration/test_workflows.py ## real tools: the steps of workflows, import, state rm, hooks
suite_gates = tests/integration/test_gates.py ## who may let what be applied, and the ways around it
suite_trust = tests/integration/test_trust.py ## configuration in a running server: errors, changes, new commands, order
suite_upkeep = tests/integration/test_upkeep.py ## what the server remembers, shows and throws away
suite_descriptors = python3 tests/integration/test_descriptors.py ## jobs that start and end while no descriptor is left
suite_life = python3 tests/integration/test_valgrind.py ## a server's life and a call of sluice-git under valgrind
suite_words = python3 tests/integration/test_words.py ## hostile branch names, and an independent reader of what comes of them
suite_state = python3 tests/integration/test_state.py ## real tools: the server killed at 50 instants of an apply
suite_validate = python3 tests/integration/test_validate.py ## sluice validate, and the JSON Schema as a second judge
suite_config = python3 tests/integration/test_config.py ## server.yaml read again while the server lives
suite_github = python3 tests/integration/test_github.py ## the whole loop on a GitHub of our own, with real terraform and git over HTTP
suite_hosts = python3 tests/integration/test_hosts.py ## setting up a host: github-app, doctor, proxies and authorities of one's own
suite_calls = python3 tests/integration/test_calls.py ## each call to GitHub goes wrong in each way, and nobody sees it in the end
suite_migrate = python3 tests/integration/test_migrate.py ## flags, environment and files of Atlantis as server.yaml
suite_demo = scripts/demo ## the demo, which checks each of its answers
