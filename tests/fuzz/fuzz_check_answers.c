/* links: runner model lib */
/* Any bytes as what a check prints: refused with words, or one result that can be read back. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/check_results.h"
#include "runners/check_answers.h"
#include "runners/confined.h"
#include "runners/output.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back(const char *text, size_t length)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *json = NULL;
	struct check_results results;
	struct err err;

	if (jsonx_parse(text, length, 1 << 24, &json, &err) < 0 ||
		check_results_read(json, &arena, &results, &err) < 0 || results.count != 1)
		abort();
	for (size_t i = 0; i < results.list[0].finding_count; i++) {
		const char *file = results.list[0].findings[i].file;

		if (file[0] == '/' || strstr(file, "/../") != NULL || str_starts(file, "../"))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const confined_cb kinds[] = { checkov_interpret, sarif_interpret, cost_interpret };
	_cleanup_fd_ int in = memfd_create("in", MFD_CLOEXEC),
			 out = memfd_create("out", MFD_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	struct err err;
	int code;

	if (size == 0 || write(in, data + 1, size - 1) != (ssize_t)(size - 1))
		return 0;
	code = kinds[data[0] % countof(kinds)](in, out);
	if (output_read_fd(out, 1 << 24, &text, &length, &err) < 0 || length == 0)
		abort();
	if (code == 0)
		read_back(text, length);
	return 0;
}
