/* Rendered manifests, read where nothing can be reached. */
#include "runners/manifests.h"

#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/manifest_diff.h"
#include "runners/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct taking {
	struct manifest_list *list;
	struct err *err;
};

static int take(void *owner, struct yaml_node *root)
{
	struct taking *taking = owner;

	return manifest_list_add(taking->list, root, taking->err);
}

static int read_side(const char *bytes, size_t length, const char *what, struct manifest_list *list,
	struct err *err)
{
	struct taking taking = { list, err };
	struct yaml_place place = { 0 };
	int r = yaml_parse_stream(
		bytes, length, MANIFESTS_BYTES_MAX, list->arena, take, &taking, &place, err);

	if (r < 0 && place.line > 0)
		return err_wrap(err, "what the %s makes, line %d", what, place.line);
	return r < 0 ? err_wrap(err, "what the %s makes", what) : 0;
}

int manifests_summarise(const struct manifests_input *input, struct arena *arena,
	struct plan_summary *ret, struct err *err)
{
	struct manifest_sides sides = {
		.before = { .arena = arena, .skips_others = true },
		.after = { .arena = arena, .skips_others = input->skips_others },
	};
	const struct manifest *twice, *ignored;
	int r = read_side(input->before, input->before_length, "base branch", &sides.before, err);

	if (r == 0)
		r = read_side(input->after, input->after_length, "change", &sides.after, err);
	if (r < 0)
		return r;
	manifest_list_sort(&sides.before, &ignored);
	manifest_list_sort(&sides.after, &twice);
	if (twice != NULL)
		return err_user(err, ERR_EXISTS, "%s is there twice: give one of them another name",
			manifest_address(twice, arena));
	manifest_diff(&sides, arena, ret);
	return 0;
}

void manifests_header(char ret[MANIFESTS_HEADER], size_t before_length, bool skips_others)
{
	memset(ret, '\n', MANIFESTS_HEADER);
	(void)snprintf(ret, MANIFESTS_HEADER, "%c %zu", skips_others ? 's' : '-', before_length);
}

int manifests_interpret(int in_fd, int out_fd)
{
	_cleanup_free_ char *bytes = NULL, *text = NULL;
	_cleanup_json_ json_t *answer = NULL;
	struct arena arena = { 0 };
	struct manifests_input input;
	struct plan_summary summary;
	size_t length = 0, done = 0;
	struct err err;
	ssize_t put;

	if (output_read_fd(
		    in_fd, 2 * MANIFESTS_BYTES_MAX + MANIFESTS_HEADER, &bytes, &length, &err) < 0)
		return dprintf(out_fd, "%s", err.text) < 0 ? 2 : 1;
	if (length < MANIFESTS_HEADER)
		return 2;
	input.skips_others = bytes[0] == 's';
	input.before_length = strtoul(bytes + 1, NULL, 10);
	if (input.before_length > length - MANIFESTS_HEADER)
		return 2;
	input.before = bytes + MANIFESTS_HEADER;
	input.after = input.before + input.before_length;
	input.after_length = length - MANIFESTS_HEADER - input.before_length;
	if (manifests_summarise(&input, &arena, &summary, &err) < 0)
		return dprintf(out_fd, "%s", err.text) < 0 ? 2 : 1;
	answer = json_pack("{s:o}", "summary", plan_summary_write(&summary));
	text = jsonx_text(answer);
	for (length = strlen(text); done < length; done += (size_t)put) {
		put = write(out_fd, text + done, length - done);
		if (put <= 0)
			return 2;
	}
	arena_release(&arena);
	return 0;
}
