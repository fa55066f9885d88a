/* Blobs of both sides to the effective configuration, or all that is wrong with them. */
#include "config/effective.h"

#include <string.h>

static void add_problems(struct config_problems *problems, struct arena *arena,
	const struct config_errors *errors, const char *file, const char *hint)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *error = &errors->list[i];

		problems->list = arena_push(
			arena, problems->list, problems->count, sizeof(*problems->list));
		problems->list[problems->count++] =
			(struct config_problem){ .at = { file, error->at.line, error->at.column },
				.path = arena_strdup(arena, error->path),
				.message = arena_strdup(arena, error->message),
				.hint = arena_strdup(arena, hint != NULL ? hint : error->hint) };
	}
	problems->found += errors->found;
}

/* *ret stays NULL when the side has no file. */
static int parse_side(const struct config_blob *blob, const char *hint, struct arena *arena,
	const struct repo_file **ret, struct config_problems *problems, struct err *err)
{
	struct config_errors errors = { 0 };
	struct repo_file *file;
	int r;

	if (blob->name == NULL)
		return 0;
	file = arena_alloc(arena, sizeof(*file));
	r = repo_file_parse(blob->name, blob->bytes, blob->length, arena, file, &errors, err);
	if (r < 0)
		add_problems(problems, arena, &errors, blob->name, hint);
	else
		*ret = file;
	config_errors_release(&errors);
	return r;
}

static int make(const struct effective_input *input, struct arena *arena, struct repo_config *ret,
	struct config_problems *problems, struct err *err)
{
	struct config_errors errors = { 0 };
	int r = 0;

	effective_make(input, arena, ret, &errors);
	config_errors_sort(&errors);
	if (errors.found > 0) {
		add_problems(problems, arena, &errors, ret->file, NULL);
		r = err_user(err, ERR_CONFIG, "%s has %zu error%s", ret->file, errors.found,
			errors.found == 1 ? "" : "s");
	}
	config_errors_release(&errors);
	return r;
}

static bool is_same(const struct config_blob *a, const struct config_blob *b)
{
	return a->name != NULL && str_equal(a->name, b->name) && a->length == b->length &&
	       memcmp(a->bytes, b->bytes, a->length) == 0;
}

static int read_files(_unused_ const struct config_reader *reader, const struct settings *settings,
	const struct config_request *request, struct arena *arena, struct repo_config *ret,
	struct config_problems *problems, struct err *err)
{
	struct effective_input input = { .settings = settings };
	struct server_rules rules;
	bool matches = true;
	int r = server_rules_for(settings, request->host, request->repo, arena, &rules, err);

	if (r < 0)
		return r;
	input.rules = &rules;
	r = parse_side(&request->base,
		"this is the file of the base branch; its guards cannot be known until it is "
		"mended there",
		arena, &input.base, problems, err);
	if (r < 0)
		return r;
	if (is_same(&request->base, &request->head))
		input.head = input.base; /* most pull requests leave the file alone */
	else
		r = parse_side(&request->head, NULL, arena, &input.head, problems, err);
	if (r == 0)
		r = make(&input, arena, ret, problems, err);
	if (r == 0 && rules.branch != NULL)
		r = server_rules_match(rules.branch, request->base_ref, &matches, err);
	if (r == 0)
		ret->ignores_branch = !matches;
	return r;
}

static void name_files(_unused_ const struct config_reader *reader, const struct settings *settings,
	const char *host, const char *repo, struct arena *arena, struct name_list *ret)
{
	static const char *usual[] = { "sluice.yaml", "atlantis.yaml" };
	struct server_rules rules;
	struct err err = { 0 };

	*ret = (struct name_list){ usual, countof(usual) };
	if (server_rules_for(settings, host, repo, arena, &rules, &err) == 0 &&
		rules.config_file != NULL) {
		const char **own = arena_alloc(arena, sizeof(*own));

		own[0] = rules.config_file;
		*ret = (struct name_list){ own, 1 };
	}
}

const struct config_reader config_file_reader = { .read = read_files, .files = name_files };
