# SIGKILL at every durable boundary; the pairs are a suite of their own because they take longer.
suite_crash = python3 tests/crash/sweep.py ## kill at every durable boundary of a pull request's life
suite_store = python3 tests/crash/sweep.py store 24 ## the database fails at many points of a pull request's life
suite_pairs = python3 tests/crash/sweep.py pairs $(or $(SEED),1) 200 ## kill twice, at 200 seeded pairs of boundaries
