/* links: engine store model lib_loop lib_regex lib */
/* Any texts as branch, project, failure, output, address and people of a comment. A reader of its
 * own looks at what comes out: fences and folds are closed, our heading and our mark stand once,
 * nothing pings anybody outside of code, no tag is there that is not ours, and no part is longer
 * than the host allows. */
#include "orchestrator/engine/render.h"
#include "orchestrator/lib/codec.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TEXTS = 9, MARK_MAX = 80 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void wrong(const char *what, const char *part)
{
	fprintf(stderr, "%s in:\n%s\n", what, part);
	abort();
}

/* ---- a small reader of Markdown ---- */

struct reader {
	const char *part;
	size_t fence; /* ticks that close it; 0: outside */
	int folds, headings, marks;
};

static bool begins(const char *at, const char *end, const char *word)
{
	return (size_t)(end - at) >= strlen(word) && strncmp(at, word, strlen(word)) == 0;
}

static const char *skip_tag(struct reader *reader, const char *at, const char *end)
{
	static const char *const tags[] = { "<details>", "<details open>", "</details>",
		"<summary>", "</summary>", "<b>", "</b>", "<code>", "</code>" };

	for (size_t i = 0; i < countof(tags); i++) {
		if (!begins(at, end, tags[i]))
			continue;
		reader->folds += i < 2 ? 1 : i == 2 ? -1 : 0;
		if (reader->folds < 0)
			wrong("a fold is closed that was not open", reader->part);
		return at + strlen(tags[i]);
	}
	wrong("a tag that is not ours", at);
	return end;
}

static size_t run_of(const char *at, const char *end, char c)
{
	size_t count = 0;

	while (at + count < end && at[count] == c)
		count++;
	return count;
}

/* Behind a code span that begins here with so many ticks; NULL when nothing closes it. */
static const char *skip_code(const char *at, const char *end, size_t ticks)
{
	for (at += ticks; at < end; at++) {
		size_t run = run_of(at, end, '`');

		if (run == ticks)
			return at + run;
		at += run > 0 ? run - 1 : 0;
	}
	return NULL;
}

/* Who holds a lock is the one whom we mention ourselves. */
static const char waits[] = "waits for #12";

static void read_text(struct reader *reader, const char *at, const char *end)
{
	while (at < end) {
		if (*at == '\\' && at + 1 < end) {
			at += 2;
		} else if (*at == '`') {
			at = skip_code(at, end, run_of(at, end, '`'));
			if (at == NULL)
				wrong("a code span that nothing closes", reader->part);
		} else if (*at == '<') {
			at = skip_tag(reader, at, end);
		} else if (begins(at, end, waits)) {
			at += strlen(waits);
		} else {
			if ((*at == '@' || *at == '#') && at + 1 < end &&
				((at[1] | 32) >= 'a' ? (at[1] | 32) <= 'z'
						     : at[1] >= '0' && at[1] <= '9') &&
				!(at > reader->part && at[-1] == '&'))
				wrong("somebody or something is mentioned", at);
			at++;
		}
	}
}

static void read_line(struct reader *reader, const char *at, const char *end)
{
	size_t ticks = run_of(at, end, '`');
	bool is_fence = ticks >= 3 && memchr(at + ticks, '`', (size_t)(end - at) - ticks) == NULL;

	if (reader->fence > 0) {
		if (is_fence && ticks >= reader->fence && at + ticks == end)
			reader->fence = 0;
	} else if (is_fence) {
		reader->fence = ticks;
	} else if (begins(at, end, "<!-- m")) {
		reader->marks++;
	} else {
		if (begins(at, end, "### sluice"))
			reader->headings++;
		else if (*at == '#' || begins(at, end, "~~~"))
			wrong("a block that is not ours", at);
		read_text(reader, begins(at, end, "### ") ? at + 4 : at, end);
	}
}

static void read_part(const char *part, size_t limit)
{
	struct reader reader = { .part = part };
	size_t length = strlen(part);

	if (length > limit)
		wrong("a part is too long", part);
	if (codec_utf8_prefix(part, length) != length)
		wrong("bytes that are no text", part);
	for (const char *at = part, *end; at < part + length; at = end + 1) {
		end = memchr(at, '\n', (size_t)(part + length - at));
		if (end == NULL)
			end = part + length;
		read_line(&reader, at, end);
	}
	if (reader.fence != 0 || reader.folds != 0)
		wrong("a fence or a fold stays open", part);
	if (reader.marks != 1 || reader.headings > 1)
		wrong("our own words stand there more than once", part);
}

/* ---- a comment of foreign texts ---- */

/* The plan comes as JSON of our own making, so its texts are UTF-8. */
static char *summary_of(const char *address, const char *path, const char *value)
{
	json_t *json = json_pack(
		"{s:i, s:[{s:s, s:s, s:[{s:s, s:s, s:s}]}], s:{s:[{s:s, s:s, s:s}]}}", "create", 1,
		"resources", "address", address, "action", "create", "attributes", "path", path,
		"before", value, "after", address, "constructs", "list", "kind", "provisioner",
		"address", address, "detail", value);
	char *text = json == NULL ? NULL : json_dumps(json, 0);

	json_decref(json);
	return text;
}

static void render(const char *const *texts, uint8_t shape)
{
	char *summary = summary_of(texts[4], texts[5], texts[6]);
	struct pull pull = { .host = "local",
		.repo = "r",
		.number = 7,
		.author = texts[7],
		.title = texts[8],
		.head = "3f2a91c000000000000000000000000000000000",
		.base_ref = texts[0],
		.head_ref = texts[0] };
	struct run run = { .kind = shape & 1 ? RUN_APPLY : RUN_PLAN,
		.state = RUN_FAILED,
		.head = pull.head,
		.actor = texts[7],
		.failure = shape & 2 ? texts[2] : "" };
	struct job jobs[] = {
		{ .op = JOB_PLAN, .state = JOB_FAILED, .outcome = OUTCOME_TOOL_FAILED },
		{ .op = JOB_PLAN, .state = JOB_DONE, .outcome = OUTCOME_OK, .has_changes = true },
		{ .op = JOB_APPLY, .state = JOB_INTERRUPTED, .outcome = OUTCOME_UNKNOWN },
		{ .op = JOB_PLAN, .state = JOB_BLOCKED },
	};
	struct view_job shown[countof(jobs)];
	struct gate_vote vote = { texts[7], false, "author" };
	struct gate_verdict gate = {
		.missing = "one approval", .need = 1, .votes = &vote, .vote_count = 1
	};
	struct view view = { .pull = &pull,
		.run = &run,
		.jobs = shown,
		.job_count = countof(jobs),
		.gate = shape & 4 ? &gate : NULL,
		.approvers = texts[7],
		.limit_bytes = shape & 8 ? 65536 : 4096,
		.has_folds = shape & 16,
		.command_word = "sluice",
		.marker = "m" };
	struct arena arena = { 0 };
	struct rendered rendered = { 0 };

	for (size_t i = 0; i < countof(jobs); i++) {
		jobs[i].project = texts[1];
		jobs[i].dir = texts[1];
		jobs[i].workspace = "default";
		jobs[i].tool = "terraform";
		jobs[i].step = texts[5];
		jobs[i].failure = texts[2];
		jobs[i].output = texts[3];
		jobs[i].summary = i == 1 && summary != NULL ? summary : "";
		shown[i] = (struct view_job){
			.job = &jobs[i], .lock_place = 1, .lock_pull = 12, .lock_author = texts[7]
		};
	}
	render_run(&view, &arena, &rendered);
	for (size_t i = 0; i < rendered.part_count; i++)
		read_part(rendered.parts[i], view.limit_bytes);
	arena_release(&arena);
	free(summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *texts[TEXTS];
	char *copy = mem_strndup((const char *)bytes, length), *at = copy;
	size_t used = strlen(copy) < length ? strlen(copy) : length;

	if (used == 0) {
		free(copy);
		return 0;
	}
	at++; /* the first byte is the shape; a unit separator stands between texts */
	for (size_t i = 0; i < TEXTS; i++) {
		char *next = at == NULL ? NULL : strchr(at, '\x1f');

		texts[i] = at == NULL ? "" : at;
		if (next != NULL)
			*next++ = '\0';
		at = next;
	}
	render(texts, (uint8_t)copy[0]);
	free(copy);
	return 0;
}
