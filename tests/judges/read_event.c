/* Reads webhook bodies with the parsers of the server and says what came out, for judges in other
 * languages.
 *
 *   read-event HOST < lines of TOPIC <TAB> FILE       one line of JSON for each
 *
 * Must not: judge anything itself. */
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "vcs/gitea/gitea_dialect.h"
#include "vcs/github/github_dialect.h"
#include "vcs/web/web_event.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096, BODY_MAX = 4 << 20 };

static const struct web_site sites[] = {
	{ &github_dialect, "github", "https://github.com", "planner" },
	{ &gitea_dialect, "gitea", "https://gitea.example", "planner" },
	{ &gitea_dialect, "forgejo", "https://forgejo.example", "planner" },
};

static json_t *describe(const struct vcs_event *event)
{
	const struct {
		const char *name, *text;
	} texts[] = { { "repo", event->repo }, { "clone_url", event->clone_url },
		{ "actor", event->actor }, { "author", event->author }, { "title", event->title },
		{ "head", event->head }, { "head_ref", event->head_ref },
		{ "base_ref", event->base_ref }, { "comment_id", event->comment_id },
		{ "body", event->body }, { "review_head", event->review_head } };
	json_t *out = json_pack("{s:s, s:I, s:b, s:b, s:b, s:b}", "kind",
		vcs_event_kind_name(event->kind), "number", (json_int_t)event->number, "is_bot",
		event->actor_is_bot, "from_fork", event->from_fork, "is_draft", event->is_draft,
		"is_partial", event->is_partial);

	for (size_t i = 0; i < countof(texts); i++)
		json_object_set_new(out, texts[i].name,
			json_string(texts[i].text == NULL ? "" : texts[i].text));
	return out;
}

static json_t *read_one(
	const struct web_site *site, const char *topic, const char *path, char *body)
{
	FILE *file = fopen(path, "re");
	struct arena arena = { 0 };
	struct vcs_event event = { 0 };
	struct err err = { 0 };
	json_t *out;
	size_t length;

	if (file == NULL)
		return json_pack("{s:s}", "error", "the file cannot be read");
	length = fread(body, 1, BODY_MAX, file);
	(void)fclose(file);
	if (web_event_read(site, topic, body, length, &arena, &event, &err) < 0)
		out = json_pack("{s:s}", "error", err.text);
	else
		out = describe(&event);
	arena_release(&arena);
	return out;
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_BYTES], *body = mem_alloc(BODY_MAX);
	const struct web_site *site = NULL;

	for (size_t i = 0; argc == 2 && i < countof(sites); i++) {
		if (strcmp(sites[i].host, argv[1]) == 0)
			site = &sites[i];
	}
	if (site == NULL)
		return EXIT_FAILURE;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *path = strchr(line, '\t');
		json_t *out;

		if (path == NULL)
			return EXIT_FAILURE;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		out = read_one(site, line, path, body);
		if (json_dumpf(out, stdout, JSON_COMPACT) < 0 || puts("") < 0)
			return EXIT_FAILURE;
		json_decref(out);
	}
	free(body);
	return EXIT_SUCCESS;
}
