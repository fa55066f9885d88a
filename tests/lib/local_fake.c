/* A shelf in memory that can break, repositories of plain files, and people's calls. */
#include "tests/lib/local_fake.h"

#include "orchestrator/lib/jsonx.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char secret[] = "0123456789abcdef0123456789abcdef";

/* ---- a shelf in memory ---- */

static int fake_broken(struct fake *fake, struct err *err)
{
	if (fake->fail_after == 0)
		return err_set(err, ERR_STORE, "the shelf is broken");
	if (fake->fail_after > 0)
		fake->fail_after--;
	return 0;
}

static int fake_begin(void *owner, _unused_ struct err *err)
{
	struct fake *fake = owner;

	assert_null(fake->before);
	fake->before = json_pack("{s:o, s:o, s:o}", "documents", json_deep_copy(fake->documents),
		"counters", json_deep_copy(fake->counters), "inbox", json_deep_copy(fake->inbox));
	return 0;
}

static int fake_end(void *owner, bool keep, _unused_ struct err *err)
{
	struct fake *fake = owner;

	assert_non_null(fake->before);
	if (!keep) {
		json_decref(fake->documents);
		json_decref(fake->counters);
		json_decref(fake->inbox);
		assert_int_equal(
			json_unpack(fake->before, "{s:O, s:O, s:O}", "documents", &fake->documents,
				"counters", &fake->counters, "inbox", &fake->inbox),
			0);
	}
	json_decref(fake->before);
	fake->before = NULL;
	return 0;
}

static int fake_get(void *owner, const char *key, json_t **ret, struct err *err)
{
	struct fake *fake = owner;
	json_t *found = json_object_get(fake->documents, key);

	if (found == NULL)
		return err_set(err, ERR_MISSING, "no document %s", key);
	*ret = json_deep_copy(found);
	return 0;
}

static int fake_put(void *owner, const char *key, const json_t *document, struct err *err)
{
	struct fake *fake = owner;

	if (fake_broken(fake, err) < 0)
		return -ERR_STORE;
	assert_non_null(document);
	assert_int_equal(json_object_set_new(fake->documents, key, json_deep_copy(document)), 0);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int fake_list(void *owner, const char *prefix, json_t **ret, _unused_ struct err *err)
{
	struct fake *fake = owner;
	const char *keys[4096], *key;
	size_t count = 0;
	json_t *value;

	json_object_foreach (fake->documents, key, value) {
		if (str_starts(key, prefix) && count < countof(keys))
			keys[count++] = key;
	}
	qsort(keys, count, sizeof(keys[0]), by_key);
	*ret = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			*ret, json_deep_copy(json_object_get(fake->documents, keys[i])));
	return 0;
}

static int fake_next(void *owner, const char *counter, int64_t *ret, struct err *err)
{
	struct fake *fake = owner;

	if (fake_broken(fake, err) < 0)
		return -ERR_STORE;
	*ret = json_integer_value(json_object_get(fake->counters, counter)) + 1;
	json_object_set_new(fake->counters, counter, json_integer(*ret));
	return 0;
}

static int fake_deliver(
	void *owner, const char *delivery_id, const char *body, size_t length, struct err *err)
{
	struct fake *fake = owner;

	if (fake_broken(fake, err) < 0)
		return -ERR_STORE;
	assert_int_equal(strlen(delivery_id), 32);
	json_array_append_new(fake->inbox, json_stringn(body, length));
	return 0;
}

static int64_t fake_wall(_unused_ const struct clock *clock)
{
	return 1795000000000;
}

/* ---- repositories made of plain files ---- */

void put_file(const char *path, const char *text)
{
	char folder[1000];
	FILE *file;

	for (const char *slash = strchr(path + 1, '/'); slash != NULL;
		slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		mkdir(folder, 0755);
	}
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

void set_branch(struct fake *fake, const char *repo, const char *branch, char digit)
{
	char path[1000], text[42];

	snprintf(path, sizeof(path), "%s/local/%s.git/refs/heads/%s", fake->data, repo, branch);
	memset(text, digit, 40);
	text[40] = '\n';
	text[41] = '\0';
	put_file(path, text);
}

const char *oid(char digit)
{
	static char text[4][41];
	static int turn;
	char *found = text[turn++ % 4];

	memset(found, digit, 40);
	found[40] = '\0';
	return found;
}

/* ---- calls ---- */

json_t *call(struct fake *fake, const char *method, const char *path, const char *body)
{
	struct strbuf answer = STRBUF(4 << 20);
	struct err err;
	int r = local_handle(
		fake->host, method, path, body, strlen(body), &answer, &fake->status, &err);

	json_decref(fake->answer);
	fake->answer = NULL;
	if (r < 0) {
		fake->status = r;
	} else {
		r = jsonx_parse(answer.data, answer.length, 4 << 20, &fake->answer, &err);
		assert_int_equal(r, 0);
	}
	strbuf_release(&answer);
	return fake->answer;
}

json_t *post(struct fake *fake, const char *path, const char *format, ...)
{
	char body[4000];
	va_list args;

	va_start(args, format);
	vsnprintf(body, sizeof(body), format, args);
	va_end(args);
	for (char *p = body; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	return call(fake, "POST", path, body);
}

const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text != NULL ? text : "";
}

static const char *header_none(_unused_ const struct delivery *delivery, _unused_ const char *name)
{
	return NULL;
}

struct vcs_event newest(struct fake *fake, struct arena *arena)
{
	struct vcs_host *port = local_host_port(fake->host);
	json_t *text = json_array_get(fake->inbox, json_array_size(fake->inbox) - 1);
	struct delivery delivery = { .header = header_none,
		.body = json_string_value(text),
		.length = json_string_length(text) };
	struct vcs_event event;
	struct err err;

	if (port->parse(port, &delivery, arena, &event, &err) < 0)
		fail_msg("%s: %s", err.text, json_string_value(text));
	return event;
}

struct fake *fake_new(void)
{
	struct fake *fake = mem_alloc(sizeof(*fake));
	struct local_host_options options;
	struct err err;

	*fake = (struct fake){ .shelf = { .owner = fake,
				       .begin = fake_begin,
				       .end = fake_end,
				       .get = fake_get,
				       .put = fake_put,
				       .list = fake_list,
				       .next = fake_next,
				       .deliver = fake_deliver },
		.clock = { .wall_ms = fake_wall, .monotonic_ms = fake_wall },
		.documents = json_object(),
		.counters = json_object(),
		.inbox = json_array(),
		.fail_after = -1 };
	(void)snprintf(fake->data, sizeof(fake->data), "%s/data-XXXXXX", cases_folder());
	assert_non_null(mkdtemp(fake->data));
	options = (struct local_host_options){ .shelf = &fake->shelf,
		.clock = &fake->clock,
		.data_dir = fake->data,
		.secret = secret,
		.program = "/opt/it's/sluice" };
	assert_int_equal(local_host_new(&options, &fake->host, &err), 0);
	return fake;
}

void fake_free(struct fake *fake)
{
	local_host_free(fake->host);
	json_decref(fake->documents);
	json_decref(fake->counters);
	json_decref(fake->inbox);
	json_decref(fake->answer);
	free(fake);
}

void open_one(struct fake *fake)
{
	post(fake, "/local/repos", "{'name':'team/infra'}");
	assert_int_equal(fake->status, 201);
	set_branch(fake, "team/infra", "main", 'a');
	set_branch(fake, "team/infra", "feature", 'b');
	post(fake, "/local/pulls",
		"{'repo':'team/infra','title':'A "
		"change','head_ref':'feature','base_ref':'main','as':'alice'}");
	assert_int_equal(fake->status, 201);
}
