/* One mask for the process: a secret does not know in which text it will turn up. */
#include "orchestrator/lib/secrets.h"

static struct mask known;

void secrets_add(const char *value)
{
	if (!str_empty(value))
		mask_add(&known, value);
}

char *secrets_hide(const char *text, size_t *ret_hits)
{
	return mask_text(&known, text, ret_hits);
}

bool secrets_are_known(void)
{
	return known.count > 0;
}
