/* links: runner model lib */
/* The launcher's first packet: whatever it says, it is refused or makes a site whose paths hide the
 * data folder. */
#include "orchestrator/lib/jsonx.h"
#include "runners/sandbox/profile.h"
#include "runners/site.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = NULL;
	struct site site;
	struct err err;

	if (jsonx_parse((const char *)data, size, 64 << 10, &json, &err) < 0)
		return 0;
	if (site_read(json, &site, &err) == 0) {
		if (site.data_dir[0] != '/' || site.uid_count < 2 || site.first_uid < 1000)
			abort();
		for (size_t i = 0; i < site.read.count; i++)
			if (strcmp(site.read.items[i], "/") == 0 ||
				strcmp(site.read.items[i], site.data_dir) == 0)
				abort();
		for (int id = 1; id <= PROFILE_COUNT; id++)
			if (site_profile(&site, id)->memory_bytes <= 0)
				abort();
		site_release(&site);
	}
	json_decref(json);
	return 0;
}
