/* What -d, -w and -p choose. */
#include "orchestrator/engine/chosen.h"

#include "orchestrator/lib/regex.h"

#include <string.h>

static bool may_be_regex(const char *text, const struct name_list *beginnings)
{
	for (size_t i = 0; i < beginnings->count; i++) {
		if (str_starts(text, beginnings->list[i]))
			return true;
	}
	return beginnings->count == 0;
}

int chooser_make(const char *dir, const char *workspace, const char *project,
	const struct name_list *beginnings, struct arena *arena, struct chooser *ret,
	struct err *err)
{
	struct err ignored; /* what is no pattern of one kind may be one of the other, or a name */
	int r = 0;

	*ret = (struct chooser){
		.workspace = workspace, .project = project, .has_dir = !str_empty(dir)
	};
	if (ret->has_dir)
		r = glob_compile(GLOB_PATH, "", dir, arena, &ret->dir, err);
	if (r < 0 || str_empty(project))
		return r;
	ret->has_pattern = strchr(project, '*') != NULL &&
			   glob_compile(GLOB_NAME, "", project, arena, &ret->pattern, &ignored) ==
				   0;
	if (strpbrk(project, "*+?[](){}|^$.\\") != NULL && may_be_regex(project, beginnings)) {
		char *whole = arena_printf(arena, "^(?:%s)$", project);

		if (regex_compile(whole, strlen(whole), &ret->regex, &ignored) < 0)
			ret->regex = NULL;
	}
	return 0;
}

void chooser_release(struct chooser *chooser)
{
	regex_free(chooser->regex);
	chooser->regex = NULL;
}

void chooser_see(struct chooser *chooser, const char *name)
{
	chooser->is_name = chooser->is_name || str_equal(chooser->project, name);
	chooser->is_pattern = chooser->is_pattern ||
			      (chooser->has_pattern && glob_matches(&chooser->pattern, name));
}

int chooser_takes(const struct chooser *chooser, const char *dir, const char *workspace,
	const char *name, bool *ret, struct err *err)
{
	*ret = (!chooser->has_dir || glob_matches(&chooser->dir, dir)) &&
	       (str_empty(chooser->workspace) || str_equal(chooser->workspace, workspace));
	if (!*ret || str_empty(chooser->project))
		return 0;
	if (chooser->is_name)
		*ret = str_equal(chooser->project, name);
	else if (chooser->is_pattern)
		*ret = glob_matches(&chooser->pattern, name);
	else if (chooser->regex != NULL)
		return regex_matches(chooser->regex, name, ret, err);
	else
		*ret = false;
	return 0;
}
