/* links: runner model lib */
/* Any bytes as a saved plan: a list of its configuration in the promised form, or an error. */
#include "orchestrator/lib/jsonx.h"
#include "runners/output.h"
#include "runners/plan_file.h"
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_fd_ int in = memfd_create("plan", MFD_CLOEXEC),
			 out = memfd_create("list", MFD_CLOEXEC);
	_cleanup_json_ json_t *list = NULL;
	_cleanup_strvec_ struct strvec differences = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t text_length = 0;
	struct err err;
	int code;

	if (write(in, bytes, length) != (ssize_t)length)
		abort();
	code = plan_file_list(in, out);
	if (code == 2)
		return 0;
	if (output_read_fd(out, PLAN_FILE_LIST_MAX, &text, &text_length, &err) < 0)
		return 0;
	if (code == 1) {
		if (text_length == 0)
			abort();
		return 0;
	}
	if (jsonx_parse(text, text_length, PLAN_FILE_LIST_MAX, &list, &err) < 0)
		abort();
	if (plan_file_check(list, -1, ".", -1, &differences, &err) == 0 && differences.count == 0)
		abort(); /* there is no tree that could be the same */
	return 0;
}
