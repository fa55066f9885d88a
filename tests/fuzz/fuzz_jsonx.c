/* links: lib */
/* Any bytes as JSON: refused with a reason, or read, written and read again as the same. */
#include "orchestrator/lib/jsonx.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { CAP = 64 << 10 };

static const char *const keys[] = { "id", "action", "number", "sender", "list", "ok" };

/* Whatever the members are, the reader answers and keeps its first failure. */
static void read_members(const json_t *json)
{
	struct err err = { 0 };
	struct jsonx reader = jsonx_reader(json, "the input", &err);
	int failed = reader.failed;

	for (size_t i = 0; i < countof(keys); i++) {
		if (jsonx_string(&reader, keys[i]) == NULL)
			abort();
		(void)jsonx_int_or(&reader, keys[i], 0);
		(void)jsonx_bool_or(&reader, keys[i], false);
		(void)jsonx_object(&reader, keys[i]);
		(void)jsonx_array_or(&reader, keys[i]);
		if (failed != 0 && reader.failed != failed)
			abort();
		failed = reader.failed;
	}
	if (failed == 0 || failed != -(int)err.code || err.text[0] == '\0')
		abort(); /* one member cannot be all of these at once */
}

static void must_read_back(const json_t *json)
{
	_cleanup_free_ char *text = jsonx_text(json);
	_cleanup_json_ json_t *again = NULL;
	struct err err;

	/* Escapes may make it longer, so it is given room; deeper it cannot get. */
	if (jsonx_parse(text, strlen(text), (size_t)8 * CAP, &again, &err) < 0 ||
		!json_equal(json, again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_json_ json_t *json = NULL;
	struct err err = { 0 };
	int r = jsonx_parse((const char *)bytes, length, CAP, &json, &err);

	if (r < 0) {
		if (json != NULL || r != -(int)err.code || err.text[0] == '\0')
			abort();
		return 0;
	}
	read_members(json);
	must_read_back(json);
	return 0;
}
