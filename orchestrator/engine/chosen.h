/* What -d, -w and -p choose. Pure. A folder may be a pattern; a name is, first, exactly that name;
 * if nobody is called so, a pattern in which '*' is anything; and if none of those either, a
 * regular expression for the whole name, where the configuration allows those by their beginnings.
 */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/glob.h"
#include "orchestrator/model/repo_config.h"

struct regex;

struct chooser {
	const char *workspace, *project; /* "" takes all */
	bool has_dir;
	struct glob dir, pattern;
	bool has_pattern;
	struct regex *regex;	  /* or NULL */
	bool is_name, is_pattern; /* somebody is called so; the pattern takes somebody */
};

/* ERR_SYNTAX with what is wrong with a pattern. Released with chooser_release, also after an error.
 */
_must_check_ int chooser_make(const char *dir, const char *workspace, const char *project,
	const struct name_list *beginnings, struct arena *arena, struct chooser *ret,
	struct err *err);
void chooser_release(struct chooser *chooser);
/* Every name that there is must be seen before the first is taken. */
void chooser_see(struct chooser *chooser, const char *name);
_must_check_ int chooser_takes(const struct chooser *chooser, const char *dir,
	const char *workspace, const char *name, bool *ret, struct err *err);
