/* links: engine store model lib_loop lib_regex lib */
/* The workflow tables: every state x event is declared or refused, every state reaches a final one,
 * and the picture in ARCHITECTURE.md is the one that is printed. */
#include "orchestrator/engine/engine.h"
#include "orchestrator/engine/flow.h"
#include "orchestrator/lib/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct flow *const flows[] = { &flow_run, &flow_job };

/* Facts of every kind: all combinations of what a guard can ask. */
static void fill_facts(unsigned bits, struct facts *facts, struct pull *pull, struct run *run,
	struct job *job, struct gate_verdict *gate)
{
	static const enum job_state states[] = { JOB_DONE, JOB_FAILED, JOB_INTERRUPTED, JOB_REFUSED,
		JOB_SKIPPED, JOB_CANCELLED, JOB_HELD, JOB_WAITING };

	*run = (struct run){ .kind = bits & 1 ? RUN_PLAN : RUN_APPLY };
	*job = (struct job){ .op = bits & 2 ? JOB_PLAN : JOB_APPLY,
		.state = states[bits >> 6 & 7],
		.attempt = bits & 4 ? 1 : JOB_ATTEMPTS_MAX };
	*gate = (struct gate_verdict){ .open = (bits & 8) != 0 };
	*facts = (struct facts){ .pull = pull,
		.run = run,
		.job = job,
		.jobs = job,
		.job_count = bits & 16 ? 1 : 0,
		.project_count = bits & 16 ? 1 : 0,
		.has_hooks = (bits & 32) != 0,
		.gate = gate,
		.is_usable = (bits & 32) != 0,
		.outcome = bits & 512 ? OUTCOME_OK : OUTCOME_TOOL_FAILED,
		.precedence = (enum precedence)(bits >> 10 & 3) };
}

/* A declared pair always takes a rule, whatever the facts: the last guard of each pair is
 * "otherwise". */
static void test_declared_pairs_always_decide(_unused_ void **state)
{
	struct gate_verdict gate;
	struct facts facts;
	struct pull pull = { 0 };
	struct run run;
	struct job job;

	for (size_t f = 0; f < countof(flows); f++) {
		for (size_t s = 0; s < flows[f]->state_count; s++) {
			for (int event = 0; event < EV_MAX; event++) {
				for (unsigned bits = 0; bits < 4096; bits++) {
					bool decides;

					fill_facts(bits, &facts, &pull, &run, &job, &gate);
					decides = flow_decide(flows[f], flows[f]->states[s],
							  (enum flow_event)event, &facts) != NULL;
					if (decides && !flow_declares(flows[f], flows[f]->states[s],
							       (enum flow_event)event))
						fail_msg("%s: an undeclared pair decides",
							flows[f]->name);
				}
			}
		}
	}
}

/* The matrix as it was read and agreed on: a new row must be agreed on here too. */
static void test_matrix(_unused_ void **state)
{
	static const struct {
		const char *flow, *state, *events;
	} declared[] = {
		{ "run", "queued", "start superseded cancel " },
		{ "run", "preparing", "prepared prepare_failed job_ended superseded cancel " },
		{ "run", "hooks", "prepared prepare_failed job_ended superseded cancel " },
		{ "run", "working", "job_ended superseded cancel " },
		{ "job", "blocked", "cancel one_ended " },
		{ "job", "held", "cancel one_ended " },
		{ "job", "waiting", "start cancel " },
		{ "job", "starting", "cancel started start_failed ended void lost " },
		{ "job", "running", "cancel ended void lost " },
	};

	for (size_t f = 0; f < countof(flows); f++) {
		for (size_t s = 0; s < flows[f]->state_count; s++) {
			_cleanup_strbuf_ struct strbuf events = STRBUF(1000);
			const char *name = flows[f]->state_name(flows[f]->states[s]),
				   *expected = "";

			for (int event = 0; event < EV_MAX; event++) {
				if (!flow_declares(
					    flows[f], flows[f]->states[s], (enum flow_event)event))
					continue;
				for (const char *c = flow_event_name((enum flow_event)event);
					*c != '\0'; c++)
					strbuf_putc(&events, *c == ' ' ? '_' : *c);
				strbuf_putc(&events, ' ');
			}
			for (size_t i = 0; i < countof(declared); i++) {
				if (str_equal(declared[i].flow, flows[f]->name) &&
					str_equal(declared[i].state, name))
					expected = declared[i].events;
			}
			assert_string_equal(strbuf_text(&events), expected);
		}
	}
}

static void test_final_states_are_final_and_reached(_unused_ void **state)
{
	for (size_t f = 0; f < countof(flows); f++) {
		const struct flow *flow = flows[f];

		for (size_t s = 0; s < flow->state_count; s++) {
			bool reaches[64] = { false };

			reaches[flow->states[s]] = true;
			for (size_t round = 0; round < flow->rule_count; round++) {
				for (size_t i = 0; i < flow->rule_count; i++)
					reaches[flow->rules[i].next] |=
						reaches[flow->rules[i].state];
			}
			bool ends = false;
			for (size_t t = 0; t < flow->state_count; t++)
				ends = ends || (reaches[flow->states[t]] &&
						       flow->is_final(flow->states[t]));
			assert_true(ends);
			for (int event = 0; flow->is_final(flow->states[s]) && event < EV_MAX;
				event++)
				assert_false(flow_declares(
					flow, flow->states[s], (enum flow_event)event));
		}
	}
}

/* The same pair: rules after one with "otherwise" could never be taken. */
static void test_no_rule_is_dead(_unused_ void **state)
{
	for (size_t f = 0; f < countof(flows); f++) {
		for (size_t i = 0; i < flows[f]->rule_count; i++) {
			for (size_t k = i + 1; k < flows[f]->rule_count; k++) {
				const struct flow_rule *first = &flows[f]->rules[i],
						       *later = &flows[f]->rules[k];

				if (first->state == later->state && first->event == later->event)
					assert_string_not_equal(first->guard_name, "otherwise");
			}
		}
	}
}

static void test_picture_in_architecture(_unused_ void **state)
{
	_cleanup_strbuf_ struct strbuf dot = STRBUF(1 << 20);
	char *text = mem_alloc(1 << 20);
	FILE *file = fopen("orchestrator/ARCHITECTURE.md", "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, (1 << 20) - 1, file);
	text[length] = '\0';
	fclose(file);
	engine_flow_dot(&dot);
	if (strstr(text, strbuf_text(&dot)) == NULL)
		fail_msg("the graph in orchestrator/ARCHITECTURE.md differs from `sluice flow "
			 "--dot`; paste it again");
	free(text);
}

/* Numbers on disk never change. */
static void test_numbers_on_disk(_unused_ void **state)
{
	assert_int_equal(RUN_QUEUED, 1);
	assert_int_equal(RUN_WORKING, 3);
	assert_int_equal(RUN_DONE, 10);
	assert_int_equal(RUN_INTERRUPTED, 15);
	assert_int_equal(JOB_BLOCKED, 1);
	assert_int_equal(JOB_RUNNING, 4);
	assert_int_equal(JOB_DONE, 10);
	assert_int_equal(JOB_HELD, 5);
	assert_int_equal(JOB_REFUSED, 14);
	assert_int_equal(JOB_SKIPPED, 15);
	assert_int_equal(OUTCOME_UNKNOWN, 11);
	assert_int_equal(OUTCOME_NEVER_BEGAN, 12);
	assert_int_equal(PULL_MERGED, 3);
	assert_int_equal(VCS_REVIEW_DISMISSED, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declared_pairs_always_decide),
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_final_states_are_final_and_reached),
		cmocka_unit_test(test_no_rule_is_dead),
		cmocka_unit_test(test_picture_in_architecture),
		cmocka_unit_test(test_numbers_on_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
