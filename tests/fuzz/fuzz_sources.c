/* links: runner model lib */
/* Any bytes as a file of Terraform, and each text in it as a source: what is told lies within the
 * bytes, and what counts as a place elsewhere has a host and no way out of its path. */
#include "orchestrator/lib/hcl.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/sources.h"
#include "runners/provider_store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct bounds {
	const char *begin, *end;
};

static void check_source(const char *text, size_t length)
{
	char found[SOURCE_BYTES_MAX];
	char *all[] = { "*://*/*", "*/*", NULL };

	for (int is_tofu = 0; is_tofu < 2; is_tofu++) {
		if (source_of_provider(text, length, is_tofu, found) &&
			(strchr(found, '/') == NULL || strlen(found) >= sizeof(found)))
			abort();
		if (source_of_module(text, length, is_tofu, found) != MODULE_REMOTE)
			continue;
		if (strstr(found, "/../") != NULL || strpbrk(found, " %?\\\n") != NULL ||
			found[0] == '/' || found[0] == '.')
			abort();
		(void)source_is_allowed(all, 2, found);
	}
}

static void on_value(void *owner, const struct hcl_value *value)
{
	const struct bounds *bounds = owner;

	if (value->text.text < bounds->begin || value->text.length > SIZE_MAX / 2 ||
		value->text.text + value->text.length > bounds->end || value->depth > HCL_DEPTH_MAX)
		abort();
	check_source(value->text.text, value->text.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const struct bounds bounds = { (const char *)bytes, (const char *)bytes + length };

	static const struct installed package = { .source = "registry.terraform.io/hashicorp/aws",
		.version = "5.100.0",
		.platform = "linux_amd64" };
	_cleanup_json_ json_t *sums = provider_store_sums((const char *)bytes, length);
	_cleanup_json_ json_t *known = json_pack("{s:s, s:[]}", "h1", "h1:x=", "zh");
	struct err err;

	if (!json_is_object(sums))
		abort();
	if (provider_store_locked(&package, known, (const char *)bytes, length, "lock", &err) < 0 &&
		err.code != ERR_REFUSED)
		abort();
	hcl_walk((const char *)bytes, length, on_value, (void *)(uintptr_t)&bounds);
	check_source((const char *)bytes, length);
	return 0;
}
