/* links: runner model lib */
/* Any bytes as job.json, as result.json, as the recipe of a job, and as Terraform text with module
 * sources. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/model/job_spec.h"
#include "orchestrator/model/steps.h"
#include "runners/diagnostic.h"
#include "runners/init_cache.h"
#include "runners/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_text(const char *text, size_t size)
{
	char *copy = mem_strndup(text, size), *cut = diagnostic_middle_cut(text, size, 200);
	char source[256], joined[256];
	struct strbuf out = STRBUF(8 << 10);
	bool floats = false;
	size_t at = 0;

	while (init_cache_next_source(text, size, &at, source, sizeof(source), &floats))
		if (tree_join("a/b", source, joined, sizeof(joined)) && !tree_path_is_safe(joined))
			abort();
	diagnostic_extract(copy, "/tree", &out);
	strbuf_release(&out);
	free(copy);
	free(cut);
}

static void read_recipe(const char *text, size_t size, struct arena *arena)
{
	char *copy = mem_strndup(text, size);
	struct recipe recipe, again;
	struct err err;

	if (recipe_read(copy, arena, &recipe, &err) == 0 &&
		recipe_read(recipe_write(&recipe, arena), arena, &again, &err) < 0)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct job_spec spec;
	struct job_result result = { 0 };
	json_t *json = NULL;
	struct err err;

	read_text((const char *)data, size);
	read_recipe((const char *)data, size, &arena);
	if (jsonx_parse((const char *)data, size, 1 << 20, &json, &err) == 0) {
		if (job_spec_read(json, &arena, &spec, &err) == 0)
			json_decref(job_spec_write(&spec));
		if (job_result_read(json, &arena, &result, &err) == 0)
			job_result_release(&result);
	}
	json_decref(json);
	arena_release(&arena);
	return 0;
}
