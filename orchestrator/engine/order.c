/* Groups and dependencies. Dependencies are between names: each configured one is a node, selected
 * or not, so that a circle is found before it matters. */
#include "orchestrator/engine/order.h"

#include "orchestrator/engine/problems.h"
#include "orchestrator/lib/strbuf.h"

#include <string.h>

enum mark { MARK_NEW = 0, MARK_OPEN, MARK_DONE };

struct node {
	const char *name;
	const struct project_config *config;
	struct project *project; /* when it is selected */
	int group;
	size_t place; /* after all it depends on */
	enum mark mark;
	size_t round; /* the project whose names were gathered when it was met last */
};

struct ordering {
	const struct repo_config *config;
	struct arena *arena;
	struct node *nodes; /* sorted by name */
	size_t count;
	size_t places;
	struct selection *selection;
	struct config_problems *problems;
};

static int compare_nodes(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->project == NULL) - (y->project == NULL);
}

static struct node *find(const struct ordering *work, const char *name)
{
	struct node key = { .name = name };
	size_t low = 0, high = work->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(work->nodes[middle].name, key.name);

		if (order == 0)
			return &work->nodes[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void add_nodes(struct ordering *work)
{
	const struct selection *selection = work->selection;
	size_t room = selection->project_count + selection->skipped_count +
		      work->config->project_count;
	size_t count = 0;

	work->nodes = arena_alloc(work->arena, (room + 1) * sizeof(*work->nodes));
	for (size_t i = 0; i < selection->project_count; i++) {
		struct project *project = &selection->projects[i];

		work->nodes[count++] = (struct node){ project->name, project->config, project,
			project->config->order_group };
	}
	for (size_t i = 0; i < selection->skipped_count; i++)
		work->nodes[count++] = (struct node){ .name = selection->skipped[i].name };
	for (size_t i = 0; i < work->config->project_count; i++) {
		const struct project_config *config = &work->config->projects[i];

		if (!str_empty(config->name))
			work->nodes[count++] = (struct node){ config->name, config, NULL,
				config->order_group };
	}
	if (count > 0)
		qsort(work->nodes, count, sizeof(*work->nodes), compare_nodes);
	for (size_t i = 0; i < count; i++) {
		struct node *last = work->count == 0 ? NULL : &work->nodes[work->count - 1];

		if (last == NULL || !str_equal(last->name, work->nodes[i].name) ||
			work->nodes[i].project != NULL)
			work->nodes[work->count++] = work->nodes[i];
		else if (last->config == NULL)
			last->config = work->nodes[i].config;
	}
}

static const char *nearest(const struct ordering *work, const char *name)
{
	for (size_t i = 0; i < work->count; i++) {
		const char *other = work->nodes[i].name;

		if (strcasecmp(other, name) == 0 || str_starts(other, name) ||
			str_starts(name, other))
			return other;
	}
	return NULL;
}

static void unknown(struct ordering *work, const struct node *node, const char *name)
{
	const char *other = nearest(work, name);

	problem_add(work->problems, work->arena, node->config->at,
		arena_printf(work->arena, "projects.%s.depends_on", node->name),
		arena_printf(work->arena, "there is no project \"%s\"", name),
		other == NULL ? "name a project of this repository, or take it out"
			      : arena_printf(work->arena, "did you mean \"%s\"?", other));
}

struct trail { /* the way to where a search stands */
	const struct node *node;
	const struct trail *before;
};

static void put_way(struct strbuf *out, const struct trail *at, const struct node *from)
{
	if (at->node != from)
		put_way(out, at->before, from);
	strbuf_printf(out, "%s -> ", at->node->name);
}

static void circle(struct ordering *work, const struct trail *trail, const struct node *again)
{
	_cleanup_strbuf_ struct strbuf way = STRBUF(1000);

	put_way(&way, trail, again);
	problem_add(work->problems, work->arena, again->config->at,
		arena_printf(work->arena, "projects.%s.depends_on", again->name),
		arena_printf(work->arena, "goes in a circle: %s%s", strbuf_text(&way), again->name),
		"take one of them out");
}

enum { DEPTH_MAX = 1000 };

/* Depth first: a node's place is given after those of all it depends on. */
static void visit(struct ordering *work, struct node *node, const struct trail *before, int depth)
{
	const struct trail trail = { node, before };
	const struct name_list *names = node->config == NULL ? NULL : &node->config->depends_on;

	node->mark = MARK_OPEN;
	for (size_t i = 0; names != NULL && i < names->count; i++) {
		struct node *other = find(work, names->list[i]);

		if (other == NULL) {
			unknown(work, node, names->list[i]);
		} else if (other->mark == MARK_OPEN) {
			circle(work, &trail, other);
		} else if (other->mark == MARK_NEW && depth == DEPTH_MAX) {
			problem_add(work->problems, work->arena, node->config->at, "depends_on",
				"one waits for the other over more than 1000 projects",
				"make the chain shorter");
		} else {
			if (other->mark == MARK_NEW)
				visit(work, other, &trail, depth + 1);
			if (other->group > node->group)
				node->group = other->group;
		}
	}
	node->mark = MARK_DONE;
	node->place = work->places++;
}

/* ---- the sorted list ---- */

struct sorted {
	struct project project;
	const struct node *node;
	size_t index; /* as it was configured or found */
};

static int compare_sorted(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	if (x->node->group != y->node->group)
		return x->node->group < y->node->group ? -1 : 1;
	return x->node->place < y->node->place ? -1 : x->node->place > y->node->place;
}

/* A project that is not selected holds nobody up, but those before it do. */
static void add_names(struct ordering *work, struct project *project,
	const struct project_config *config, size_t round)
{
	for (size_t i = 0; config != NULL && i < config->depends_on.count; i++) {
		struct node *node = find(work, config->depends_on.list[i]);

		if (node->round == round)
			continue;
		node->round = round;
		project->waits_for.list = arena_push(work->arena, (void *)project->waits_for.list,
			project->waits_for.count, sizeof(char *));
		project->waits_for.list[project->waits_for.count++] = node->name;
		if (node->project == NULL)
			add_names(work, project, node->config, round);
	}
}

static void fill_before(struct ordering *work, const struct sorted *sorted, size_t index)
{
	struct project *project = &work->selection->projects[index];
	size_t *before = NULL;

	add_names(work, project, project->config, index + 1);
	for (size_t i = 0; i < project->waits_for.count; i++) {
		for (size_t k = 0; k < index; k++) {
			if (!str_equal(sorted[k].project.name, project->waits_for.list[i]))
				continue;
			before = arena_push(
				work->arena, before, project->before_count, sizeof(*before));
			before[project->before_count++] = k;
		}
	}
	project->before = before;
}

static void sort(struct ordering *work)
{
	struct selection *selection = work->selection;
	size_t count = selection->project_count;
	struct sorted *sorted = arena_alloc(work->arena, (count + 1) * sizeof(*sorted));

	for (size_t i = 0; i < work->count; i++)
		if (work->nodes[i].project != NULL)
			sorted[work->nodes[i].project - selection->projects].node = &work->nodes[i];
	for (size_t i = 0; i < count; i++) {
		sorted[i].project = selection->projects[i];
		sorted[i].index = i;
		sorted[i].project.group = sorted[i].node->group;
	}
	if (count > 0)
		qsort(sorted, count, sizeof(*sorted), compare_sorted);
	for (size_t i = 0; i < count; i++)
		selection->projects[i] = sorted[i].project;
	for (size_t i = 0; i < count; i++)
		fill_before(work, sorted, i);
}

int order_projects(const struct repo_config *config, struct arena *arena,
	struct selection *selection, struct config_problems *problems, struct err *err)
{
	struct ordering work = {
		.config = config, .arena = arena, .selection = selection, .problems = problems
	};

	add_nodes(&work);
	/* in the order of the selection, which is that of the folders */
	for (size_t i = 0; i < selection->project_count; i++) {
		struct node *node = find(&work, selection->projects[i].name);

		if (node != NULL && node->mark == MARK_NEW)
			visit(&work, node, NULL, 0);
	}
	for (size_t i = 0; i < work.count; i++) {
		if (work.nodes[i].mark == MARK_NEW)
			visit(&work, &work.nodes[i], NULL, 0);
	}
	if (problems->found > 0)
		return err_set(err, ERR_CONFIG, "the configuration is wrong");
	sort(&work);
	return 0;
}
