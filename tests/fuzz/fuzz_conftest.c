/* links: runner model lib */
/* Any bytes as what conftest prints: results that can be read back, or an error. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/policy_results.h"
#include "runners/conftest.h"
#include "runners/output.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("conftest", MFD_CLOEXEC);

	if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size))
		abort();
	return fd;
}

static void read_back(int out)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_json_ json_t *one = NULL, *list = json_array(), *again = NULL;
	_cleanup_free_ char *text = NULL;
	struct policy_results results;
	size_t length = 0;
	struct err err;

	if (output_read_fd(out, 1 << 24, &text, &length, &err) < 0 ||
		jsonx_parse(text, length, 1 << 24, &one, &err) < 0)
		abort();
	json_object_set_new(one, "name", json_string("a"));
	json_array_append(list, one);
	if (policy_results_read(list, &arena, &results, &err) < 0)
		abort();
	again = policy_results_write(&results);
	if (policy_results_read(again, &arena, &results, &err) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_fd_ int in = memory_of(data, size), out = memory_of(NULL, 0);

	if (conftest_interpret(in, out) == 0)
		read_back(out);
	return 0;
}
