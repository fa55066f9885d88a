/* links: engine store model lib_loop lib_regex lib */
/* Which entry of `notifications` a report of drift is for, and which of its projects. */
#include "tests/lib/cases.h"

#include "orchestrator/engine/notices.h"

static const char *network_owners[] = { "@acme/net", "bob" }, *data_owners[] = { "@acme/data" };

static struct drift_project projects[] = {
	{ .name = "network",
		.dir = "infrastructure/network",
		.workspace = "default",
		.owners = network_owners,
		.owner_count = 2 },
	{ .name = "data",
		.dir = "infrastructure/data",
		.workspace = "blue",
		.owners = data_owners,
		.owner_count = 1 },
};

#define ENTRY		 .events = NOTIFY_DRIFT, .channel = "", .name = "", .workspaces = "", .branches = ""
#define ONE(field, text) .field = { .list = (const char *[]){ text }, .count = 1 }

static const struct route_case {
	const char *name;
	struct notification to;
	const char *notify;   /* what the environment names, or NULL */
	const char *projects; /* that it gets; NULL: it is not asked */
	bool is_named;
} routes[] = {
	{ "all of it", { ENTRY, .kind = "slack" }, NULL, "network data", false },
	{ "other events", { .kind = "slack", .events = NOTIFY_APPLY }, NULL, NULL, false },
	{ "its environment", { ENTRY, .kind = "slack", ONE(environments, "prod*") }, NULL,
		"network data", false },
	{ "another environment", { ENTRY, .kind = "slack", ONE(environments, "staging") }, NULL,
		NULL, false },
	{ "a project by its name", { ENTRY, .kind = "mail", ONE(projects, "net*") }, NULL,
		"network", false },
	{ "a project by its folder", { ENTRY, .kind = "mail", ONE(projects, "*/data") }, NULL,
		"data", false },
	{ "no such project", { ENTRY, .kind = "mail", ONE(projects, "x") }, NULL, NULL, false },
	{ "a team that owns", { ENTRY, .kind = "mail", ONE(owners, "@acme/net") }, NULL, "network",
		false },
	{ "a person who owns", { ENTRY, .kind = "mail", ONE(owners, "bob") }, NULL, "network",
		false },
	{ "nobody of that name", { ENTRY, .kind = "mail", ONE(owners, "@acme/ne") }, NULL, NULL,
		false },
	{ "a workspace",
		{ .events = NOTIFY_DRIFT,
			.kind = "mail",
			.channel = "",
			.name = "",
			.branches = "",
			.workspaces = "^bl" },
		NULL, "data", false },
	{ "a branch",
		{ .events = NOTIFY_DRIFT,
			.kind = "mail",
			.channel = "",
			.name = "",
			.branches = "^main$",
			.workspaces = "" },
		NULL, "network data", false },
	{ "another branch",
		{ .events = NOTIFY_DRIFT,
			.kind = "mail",
			.channel = "",
			.name = "",
			.branches = "^release/",
			.workspaces = "" },
		NULL, NULL, false },
	{ "named by its channel",
		{ .events = NOTIFY_DRIFT,
			.kind = "slack",
			.channel = "#net",
			.name = "",
			.branches = "",
			.workspaces = "" },
		"slack:#net", "network data", true },
	{ "named by its name",
		{ .events = NOTIFY_DRIFT,
			.kind = "webhook",
			.channel = "",
			.name = "board",
			.branches = "",
			.workspaces = "" },
		"webhook:board", "network data", true },
	{ "named, but another kind",
		{ .events = NOTIFY_DRIFT,
			.kind = "webhook",
			.channel = "",
			.name = "board",
			.branches = "",
			.workspaces = "" },
		"mail:board", NULL, false },
	{ "named, but not for drift",
		{ .events = NOTIFY_PLAN,
			.kind = "slack",
			.channel = "#net",
			.name = "",
			.branches = "",
			.workspaces = "" },
		"slack:#net", NULL, true },
	{ "others are named", { ENTRY, .kind = "slack" }, "slack:#net", NULL, false },
	{ "others are named, but it has a filter",
		{ ENTRY, .kind = "slack", ONE(environments, "production") }, "slack:#net",
		"network data", false },
	{ "others are named, but it is a ping", { ENTRY, .kind = "ping" }, "slack:#net",
		"network data", false },
	{ "a name that is empty is none", { ENTRY, .kind = "slack" }, "slack:", NULL, false },
};

static void goes(void **state)
{
	const struct route_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_strbuf_ struct strbuf names = STRBUF(200);
	const char *notify[] = { row->notify };
	struct drift_report report = { .base_ref = "main",
		.environment = "production",
		.notify = notify,
		.notify_count = row->notify != NULL,
		.projects = projects,
		.project_count = countof(projects) };
	bool is_named = false;
	const struct drift_report *ours = notice_route(&row->to, &report, &arena, &is_named);

	assert_int_equal(is_named, row->is_named);
	if (row->projects == NULL) {
		assert_null(ours);
		return;
	}
	assert_non_null(ours);
	for (size_t i = 0; i < ours->project_count; i++)
		strbuf_printf(&names, "%s%s", i == 0 ? "" : " ", ours->projects[i].name);
	assert_string_equal(strbuf_text(&names), row->projects);
}

/* A slot in which nothing could be looked at has no projects, and is told all the same. */
static void an_empty_report_goes_too(_unused_ void **state)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct drift_report report = { .base_ref = "main", .environment = "production" };
	struct notification to = { ENTRY, .kind = "slack", ONE(projects, "net*") };
	bool is_named;

	assert_non_null(notice_route(&to, &report, &arena, &is_named));
}

static const struct target_case {
	const char *name;
	struct notification to;
} targets[] = {
	{ "slack:#net", { .kind = "slack", .channel = "#net", .secret_file = "/t", .url = "" } },
	{ "slack:/etc/hook", { .kind = "slack", .channel = "", .url_file = "/etc/hook" } },
	{ "webhook:https://h/x", { .kind = "webhook", .channel = "", .url = "https://h/x" } },
	{ "mail:a@b", { .kind = "mail", .url = "smtp://m", ONE(to, "a@b") } },
	{ "mail:team", { .kind = "mail", .name = "team", .url = "smtp://m", ONE(to, "a@b") } },
};

static void is_called(void **state)
{
	const struct target_case *row = *state;
	_cleanup_(arena_release) struct arena arena = { 0 };

	assert_string_equal(notice_target(&row->to, &arena), row->name);
}

int main(int argc, char **argv)
{
	CASES(routes, goes);
	CASE(an_empty_report_goes_too);
	CASES(targets, is_called);
	return cases_run(argc, argv);
}
