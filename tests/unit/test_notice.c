/* links: engine store model lib_loop lib_regex lib */
/* Notices that are too long for their channel: within its limits, cut between resources, and what
 * is left out is counted right. */
#include "tests/lib/cases.h"
#include "tests/lib/slack_judge.h"

#include "orchestrator/engine/render_notice.h"
#include "orchestrator/lib/strbuf.h"

#include <stdio.h>
#include <string.h>

static const struct size_case {
	const char *name, *address; /* address: repeated until it is `bytes` long */
	int projects, items, bytes;
	bool is_cut;
} sizes[] = {
	{ "one of each", "a.b", 1, 1, 3, false },
	{ "forty-nine projects", "a.b", 49, 1, 3, false },
	{ "a hundred projects", "a.b", 100, 3, 30, false },
	{ "two hundred resources of one", "aws_instance.x", 1, 200, 60, false },
	{ "three hundred projects", "aws_instance.x", 300, 20, 60, true },
	{ "long names of signs", "<&>", 30, 30, 900, true },
	{ "long names of letters that take three bytes", "\xe2\x82\xac", 30, 30, 900, true },
	{ "no resources", "a", 300, 0, 3, true },
};

static const char *long_text(struct arena *arena, const char *word, int bytes)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(4096);

	while ((int)out.length < bytes)
		strbuf_puts(&out, word);
	return arena_strdup(arena, strbuf_text(&out));
}

static void make_report(const struct size_case *row, struct arena *arena, struct drift_report *ret)
{
	*ret = (struct drift_report){ .repo = "acme/infra",
		.base_ref = "main",
		.base = "",
		.environment = "production",
		.asked_by = "",
		.text = "",
		.project_count = (size_t)row->projects,
		.projects = arena_alloc(arena, (size_t)row->projects * sizeof(*ret->projects)) };
	for (int i = 0; i < row->projects; i++) {
		struct drift_project *project = &ret->projects[i];

		*project = (struct drift_project){ .name = arena_printf(arena, "project-%d", i),
			.dir = long_text(arena, row->address, row->bytes),
			.outcome = row->items == 0 ? DRIFT_ERROR : DRIFT_FOUND,
			.word = "plan",
			.text = long_text(arena, row->address, row->bytes),
			.workspace = "default" };
		project->items.count = (size_t)row->items;
		project->items.list = arena_alloc(
			arena, ((size_t)row->items + 1) * sizeof(*project->items.list));
		for (int j = 0; j < row->items; j++)
			project->items.list[j] = (struct drift_item){
				.address = long_text(arena, row->address, row->bytes),
				.class = DRIFT_CHANGED,
				.action = DRIFT_UPDATE,
				.life = DRIFT_NEW
			};
	}
}

static int count_of(const char *text, const char *part)
{
	int count = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
		count++;
	return count;
}

static void fits(void **state)
{
	const struct size_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_(json_decrefp) json_t *messages = NULL;
	_cleanup_free_ char *whole = NULL;
	unsigned projects_left = 0, lines_left = 0;
	struct drift_report report;
	struct notice notice;
	const char *left;

	make_report(row, &arena, &report);
	render_drift(&report, &arena, &notice);
	messages = render_slack(&notice, &arena);
	if (slack_judge(messages) != NULL)
		fail_msg("%s", slack_judge(messages));
	assert_true(json_array_size(messages) <= NOTICE_PARTS_MAX);
	whole = json_dumps(messages, JSON_COMPACT);
	left = strstr(whole, "*and ");
	assert_int_equal(left != NULL, row->is_cut);
	if (left != NULL)
		assert_true(sscanf(left, "*and %u project%*[s] with %u resources", &projects_left,
				    &lines_left) == 2);
	assert_int_equal(count_of(whole, "was changed outside") + (int)lines_left,
		row->projects * row->items);
	assert_true(count_of(whole, "`project-") + (int)projects_left >= row->projects);
	assert_non_null(strstr(whole, "sluice drift list")); /* the last word is never cut */
	assert_non_null(strstr(render_plain(&notice, &arena), "All of it: sluice drift list"));
}

int main(int argc, char **argv)
{
	CASES(sizes, fits);
	return cases_run(argc, argv);
}
