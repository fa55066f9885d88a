/* The launcher's settings packet as a structure. */
#include "runners/site.h"
#include "orchestrator/lib/jsonx.h"
#include "runners/sandbox.h"
#include "runners/sandbox/profile.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { CLI_CONFIG_MAX = 64 << 10 };

static int read_tier(struct jsonx *reader, const char *key, int *ret, struct err *err)
{
	const char *word = jsonx_string_or(reader, key, "full");

	for (int tier = SANDBOX_NONE; tier <= SANDBOX_FULL; tier++)
		if (str_equal(word, sandbox_tier_name((enum sandbox_tier)tier))) {
			*ret = tier;
			return 0;
		}
	return err_set(err, ERR_CONFIG, "\"%.40s\" is not a tier of the sandbox", word);
}

/* A folder that holds the data would show everything of it, and one in it what is not for jobs. */
static bool touches_data(const struct site *site, const char *path)
{
	size_t length = strlen(path), data = strlen(site->data_dir);
	size_t least = length < data ? length : data;

	return strncmp(path, site->data_dir, least) == 0 &&
	       (length == data || (length < data ? site->data_dir : path)[least] == '/');
}

int site_may_show(const struct site *site, const char *path, struct err *err)
{
	if (path[0] != '/' || strcmp(path, "/") == 0 || touches_data(site, path))
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the sandbox cannot show %s: it is not absolute, or holds the data folder, "
			"or is in it",
			path);
	return 0;
}

static int add_shown(
	const struct site *site, struct strvec *list, const char *path, struct err *err)
{
	if (str_empty(path) || access(path, F_OK) < 0)
		return 0;
	if (site_may_show(site, path, err) < 0)
		return -(int)err->code;
	if (list->count >= SITE_SHOWN_MAX)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the sandbox shows at most %d paths", SITE_SHOWN_MAX);
	strvec_push(list, path);
	return 0;
}

/* A program may be a thin one that needs the library lib<its name>.so beside it. */
static int add_library(struct site *site, const char *program, struct err *err)
{
	const char *name = program == NULL ? NULL : strrchr(program, '/');

	if (name == NULL)
		return 0;
	return add_shown(site, &site->read,
		arena_printf(
			&site->arena, "%.*s/lib%s.so", (int)(name - program), program, name + 1),
		err);
}

/* The operator's CLI configuration names folders with providers: every text in it that is the path
 * of a folder is shown. */
static int add_mirrors(struct site *site, struct err *err)
{
	_cleanup_fd_ int fd = str_empty(site->cli_config)
				      ? -1
				      : open(site->cli_config, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = mem_alloc(CLI_CONFIG_MAX + 1);
	ssize_t length = fd < 0 ? 0 : read(fd, text, CLI_CONFIG_MAX);
	struct stat st;
	int r = 0;

	if (length <= 0)
		return 0;
	for (char *at = text, *end; r == 0 && (at = strstr(at, "\"/")) != NULL; at = end + 1) {
		end = strchr(++at, '"');
		if (end == NULL)
			break;
		*end = '\0';
		if (stat(at, &st) == 0 && S_ISDIR(st.st_mode))
			r = add_shown(site, &site->read, at, err);
	}
	return r;
}

static int read_list(const struct site *site, struct jsonx *reader, const char *key,
	struct strvec *list, struct err *err)
{
	const json_t *array = jsonx_array_or(reader, key), *item;
	size_t i;
	int r = 0;

	json_array_foreach (array, i, item)
		if (r == 0 && json_is_string(item))
			r = add_shown(site, list, json_string_value(item), err);
	return r;
}

_Static_assert((int)SITE_GRANTS == (int)PROFILE_COUNT, "each profile has what is given to it");

static void read_texts(const json_t *array, struct strvec *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		if (json_is_string(item))
			strvec_push(list, json_string_value(item));
}

/* {"plan": {"hosts": [...], "inside": [...], "read": [...], "environment": [...]}} */
static int read_grants(const json_t *json, struct site *site, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < PROFILE_COUNT && r == 0; i++) {
		const json_t *one = json_object_get(json, profiles[i].name), *item;
		struct site_grant *grant = &site->grants[i];
		size_t k;

		grant->has_network = json_object_get(one, "hosts") != NULL;
		read_texts(json_object_get(one, "hosts"), &grant->hosts);
		read_texts(json_object_get(one, "inside"), &grant->inside);
		read_texts(json_object_get(one, "environment"), &grant->environment);
		/* What has no network gets one of its own where hosts are written down for it. */
		if (site->profiles[i].network == PROFILE_NETWORK_NONE &&
			grant->hosts.count + grant->inside.count > 0)
			site->profiles[i].network = PROFILE_NETWORK_PROXY;
		json_array_foreach (json_object_get(one, "read"), k, item)
			if (r == 0 && json_is_string(item))
				r = add_shown(site, &grant->read, json_string_value(item), err);
	}
	return r;
}

/* The table, with what the operator wrote instead. */
static void read_profiles(struct jsonx *reader, struct site *site)
{
	const json_t *all = json_object_get(reader->object, "profiles");

	site->profiles = arena_alloc(&site->arena, sizeof(profiles));
	memcpy(site->profiles, profiles, sizeof(profiles));
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		const json_t *one = json_object_get(all, site->profiles[i].name);
		const struct {
			const char *key;
			int64_t *value;
		} rows[] = {
			{ "memory", &site->profiles[i].memory_bytes },
			{ "disk", &site->profiles[i].disk_bytes },
			{ "output", &site->profiles[i].output_bytes },
			{ "timeout_ms", &site->profiles[i].wall_ms },
			{ "processes", &site->profiles[i].processes },
		};

		for (size_t k = 0; k < countof(rows); k++) {
			int64_t wish = json_integer_value(json_object_get(one, rows[k].key));

			if (wish > 0)
				*rows[k].value = wish;
		}
	}
}

static int read_sandbox(struct jsonx *reader, struct site *site, struct err *err)
{
	const char *const files[] = { site->git, site->terraform, site->opentofu, site->conftest,
		site->kustomize, site->helm, site->cli_config, site->tools };
	int r = read_tier(reader, "tier", &site->tier, err);

	if (r == 0)
		r = read_tier(reader, "require", &site->require, err);
	read_profiles(reader, site);
	site->may_overlay = jsonx_bool_or(reader, "overlay", true);
	site->may_group = jsonx_bool_or(reader, "groups", true);
	if (r == 0)
		r = read_grants(json_object_get(reader->object, "profiles"), site, err);
	site->first_uid = jsonx_int_or(reader, "first_uid", 2097152);
	site->uid_count = jsonx_int_or(reader, "uids", 65536);
	if (r == 0 && (site->first_uid < 1000 || site->uid_count < 2 ||
			      site->first_uid + site->uid_count > UINT32_MAX - 1))
		r = err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the users of jobs must be at least two, from 1000 on");
	for (size_t i = 0; r == 0 && i < countof(files); i++)
		r = add_shown(site, &site->read, files[i], err);
	if (r == 0)
		r = add_library(site, site->terraform, err);
	if (r == 0)
		r = add_library(site, site->opentofu, err);
	if (r == 0)
		r = add_mirrors(site, err);
	if (r == 0)
		r = read_list(site, reader, "read", &site->read, err);
	read_texts(json_object_get(reader->object, "providers"), &site->providers);
	read_texts(json_object_get(reader->object, "modules"), &site->modules);
	return r < 0 ? r : read_list(site, reader, "write", &site->write, err);
}

int site_read(const json_t *json, struct site *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "the launcher's settings", err);
	struct site *site = ret;
	const struct {
		const char *key, **value;
	} texts[] = {
		{ "data", &site->data_dir },
		{ "git", &site->git },
		{ "terraform", &site->terraform },
		{ "opentofu", &site->opentofu },
		{ "conftest", &site->conftest },
		{ "kustomize", &site->kustomize },
		{ "helm", &site->helm },
		{ "cli_config", &site->cli_config },
		{ "tools", &site->tools },
		{ "fault", &site->fault_spec },
		{ "fault_log", &site->fault_log },
	};
	int r;

	*site = (struct site){ 0 };
	for (size_t i = 0; i < countof(texts); i++)
		*texts[i].value = arena_strdup(
			&site->arena, jsonx_string_or(&reader, texts[i].key, ""));
	if (site->fault_log[0] == '\0')
		site->fault_log = NULL;
	r = reader.failed;
	if (r == 0 && site->data_dir[0] != '/')
		r = err_set(err, ERR_CONFIG, "the data directory \"%s\" is not absolute",
			site->data_dir);
	if (r == 0)
		r = read_sandbox(&reader, site, err);
	if (r == 0)
		r = reader.failed;
	if (r < 0)
		site_release(site);
	return r;
}

void site_release(struct site *site)
{
	strvec_release(&site->read);
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		strvec_release(&site->grants[i].hosts);
		strvec_release(&site->grants[i].inside);
		strvec_release(&site->grants[i].read);
		strvec_release(&site->grants[i].environment);
	}
	strvec_release(&site->write);
	strvec_release(&site->providers);
	strvec_release(&site->modules);
	arena_release(&site->arena);
	*site = (struct site){ 0 };
}

const struct profile *site_profile(const struct site *site, int id)
{
	return &site->profiles[id - 1];
}

const struct site_grant *site_grant(const struct site *site, int id)
{
	return &site->grants[id - 1];
}

bool site_tells(const struct site *site, int id, const char *name, size_t length)
{
	const struct strvec *only = &site_grant(site, id)->environment;

	switch (site_profile(site, id)->secrets) {
	case PROFILE_SECRETS_NONE:
		return false;
	case PROFILE_SECRETS_HOST:
	case PROFILE_SECRETS_REGISTRY:
	case PROFILE_SECRETS_PLAN:
	case PROFILE_SECRETS_APPLY:
		if (only->count == 0)
			return true;
		break;
	case PROFILE_SECRETS_LISTED:
		break;
	}
	for (size_t i = 0; i < only->count; i++)
		if (strlen(only->items[i]) == length && strncmp(only->items[i], name, length) == 0)
			return true;
	return false;
}
