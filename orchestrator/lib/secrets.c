/* Two masks for the process: a secret does not know in which text it will turn up. What is lent is
 * made anew when something of it is returned. */
#include "orchestrator/lib/secrets.h"

#include <string.h>

struct lent {
	int64_t owner;
	char *value;
};

static struct mask known, lent_mask;
static struct lent *lents;
static size_t lent_count, lent_room;

void secrets_add(const char *value)
{
	if (!str_empty(value))
		mask_add(&known, value);
}

void secrets_lend(int64_t owner, const char *value)
{
	if (str_empty(value))
		return;
	if (lent_count == lent_room) {
		lent_room = lent_room == 0 ? 16 : 2 * lent_room;
		lents = mem_grow(lents, lent_room * sizeof(*lents));
	}
	lents[lent_count++] = (struct lent){ .owner = owner, .value = mem_strdup(value) };
	mask_add(&lent_mask, value);
}

void secrets_return(int64_t owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < lent_count; i++) {
		if (lents[i].owner != owner) {
			lents[kept++] = lents[i];
			continue;
		}
		explicit_bzero(lents[i].value, strlen(lents[i].value));
		free(lents[i].value);
	}
	if (kept == lent_count)
		return;
	lent_count = kept;
	mask_release(&lent_mask);
	lent_mask = (struct mask){ 0 };
	for (size_t i = 0; i < lent_count; i++)
		mask_add(&lent_mask, lents[i].value);
}

char *secrets_hide(const char *text, size_t *ret_hits)
{
	_cleanup_free_ char *without_known = mask_text(&known, text, ret_hits);

	return lent_count == 0 ? steal_ptr(without_known)
			       : mask_text(&lent_mask, without_known, ret_hits);
}

bool secrets_are_known(void)
{
	return known.count > 0 || lent_count > 0;
}
