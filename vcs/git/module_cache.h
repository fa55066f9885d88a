/* modules.cache: git object id -> the local sources found in that file. A cache only: unreadable is
 * empty. */
#pragma once
#include "orchestrator/lib/strbuf.h"
#include "vcs/git/libgit.h"

struct module_cache {
	int dir_fd;
	struct strbuf old; /* the file as it was read */
	size_t old_count;
	struct module_record *fresh; /* found in this call */
	size_t fresh_count, fresh_room;
	struct strbuf fresh_text;
};

void module_cache_open(struct module_cache *cache, int dir_fd);
/* Sources, each ended by a NUL; borrowed until the next put. False when the file was never seen. */
bool module_cache_get(
	const struct module_cache *cache, const git_oid *oid, const char **ret, size_t *ret_length);
void module_cache_put(
	struct module_cache *cache, const git_oid *oid, const char *sources, size_t length);
/* Writes what is new; a failure only costs time later. */
void module_cache_close(struct module_cache *cache);
