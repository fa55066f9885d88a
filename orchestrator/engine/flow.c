/* Walking and printing the tables. */
#include "orchestrator/engine/flow.h"

#include "orchestrator/engine/engine.h"
#include "orchestrator/lib/strbuf.h"

const char *flow_event_name(enum flow_event event)
{
	static const char *const names[EV_MAX] = { "start", "prepared", "prepare failed",
		"job ended", "superseded", "cancel", "one ended", "started", "start failed",
		"ended", "void", "lost" };

	return (unsigned)event < EV_MAX ? names[event] : "unknown";
}

const struct flow_rule *flow_decide(
	const struct flow *flow, int state, enum flow_event event, const struct facts *facts)
{
	for (size_t i = 0; i < flow->rule_count; i++) {
		const struct flow_rule *rule = &flow->rules[i];

		if (rule->state == state && rule->event == event && rule->guard(facts))
			return rule;
	}
	return NULL;
}

bool flow_declares(const struct flow *flow, int state, enum flow_event event)
{
	for (size_t i = 0; i < flow->rule_count; i++) {
		if (flow->rules[i].state == state && flow->rules[i].event == event)
			return true;
	}
	return false;
}

static void print_flow(const struct flow *flow, struct strbuf *out)
{
	for (size_t i = 0; i < flow->rule_count; i++) {
		const struct flow_rule *rule = &flow->rules[i];
		bool always = str_equal(rule->guard_name, "otherwise");

		strbuf_printf(out, "  \"%s %s\" -> \"%s %s\" [label=\"%s%s%s\"];\n", flow->name,
			flow->state_name(rule->state), flow->name, flow->state_name(rule->next),
			flow_event_name(rule->event), always ? "" : ": ",
			always ? "" : rule->guard_name);
	}
}

void engine_flow_dot(struct strbuf *out)
{
	strbuf_puts(out, "digraph sluice {\n");
	print_flow(&flow_run, out);
	print_flow(&flow_job, out);
	strbuf_puts(out, "}\n");
}
