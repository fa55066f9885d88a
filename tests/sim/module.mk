# The whole engine in a made-up world: tests/sim/sim SEED HISTORIES, run by tests/sim/run.
TEST_PROGRAMS += tests/sim/sim
tests/sim/sim_MAIN := tests/sim/sim.c tests/sim/world.c tests/sim/host.c tests/sim/base.c tests/sim/config.c tests/sim/oracle.c tests/sim/oracle_queue.c tests/sim/fight.c
tests/sim/sim_USES := engine store model lib_loop lib_regex lib

suite_sim = tests/sim/run $(or $(SEED),1) $(or $(N),10000) ## the engine in a seeded world; SEED= N=
