/* Files of Terraform, read for what they take from elsewhere. */
#include "runners/needs.h"

#include "orchestrator/lib/hcl.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strvec.h"
#include "orchestrator/model/sources.h"
#include "runners/installed.h"
#include "runners/output.h"
#include "runners/site.h"
#include "runners/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LOCK_FILE    ".terraform.lock.hcl"
#define MODULES_FILE ".terraform/modules/modules.json"

enum { FOLDERS_MAX = 512, FILE_MAX = 8 << 20, PATH_ROOM = 1024 };

struct needs {
	const struct site *site;
	bool is_tofu;
	const char *folder, *file; /* that is read, for people */
	struct strvec *folders;	   /* to go through; NULL: local modules were found already */
	int root_fd;		   /* links of files are followed as far as that */
	struct err *err;
	int failed;
};

/* ---- one of them ---- */

static const char *folder_mark(const struct needs *needs)
{
	return str_equal(needs->folder, ".") ? "" : "/";
}

static const char *folder_text(const struct needs *needs)
{
	return str_equal(needs->folder, ".") ? "" : needs->folder;
}

static int refuse(struct needs *needs, const char *what, const char *source, const char *why)
{
	return err_user(needs->err, ERR_REFUSED, "%s%s%.60s asks for the %s %.160s: %s",
		folder_text(needs), folder_mark(needs), needs->file, what, source, why);
}

static const char not_listed_provider[] =
	"this server does not let it in; sandbox.providers.allow in server.yaml says which "
	"providers it does, and its operator can add one";
static const char not_listed_module[] =
	"this server does not let it in; sandbox.modules.allow in server.yaml says where modules "
	"may come from, and its operator can add a place";

static int judge_provider(struct needs *needs, const char *text, size_t length)
{
	const struct strvec *allowed = &needs->site->providers;
	_cleanup_free_ char *shown = mem_strndup(text, length < 160 ? length : 160);
	char source[SOURCE_BYTES_MAX];

	if (!source_of_provider(text, length, needs->is_tofu, source))
		return refuse(needs, "provider", shown, "that is no address of a provider");
	if (str_equal(source, "terraform.io/builtin/terraform") ||
		source_is_allowed(allowed->items, allowed->count, source))
		return 0;
	return refuse(needs, "provider", source, not_listed_provider);
}

static int judge_local(struct needs *needs, const char *source)
{
	char found[PATH_ROOM];

	if (needs->folders == NULL)
		return 0;
	if (strlen(source) >= PATH_ROOM || !tree_join(needs->folder, source, found, sizeof(found)))
		return refuse(needs, "module", source, "that is outside of the repository");
	for (size_t i = 0; i < needs->folders->count; i++)
		if (str_equal(needs->folders->items[i], found))
			return 0;
	if (needs->folders->count == FOLDERS_MAX)
		return err_user(needs->err, ERR_LIMIT, "the project uses more than %d folders",
			FOLDERS_MAX);
	strvec_push(needs->folders, found);
	return 0;
}

static int judge_module(struct needs *needs, const char *text, size_t length)
{
	const struct strvec *allowed = &needs->site->modules;
	_cleanup_free_ char *shown = mem_strndup(text, length < 160 ? length : 160);
	char source[SOURCE_BYTES_MAX];

	switch (source_of_module(text, length, needs->is_tofu, source)) {
	case MODULE_LOCAL:
		return judge_local(needs, source);
	case MODULE_REFUSED:
		return refuse(needs, "module", shown, source);
	case MODULE_REMOTE:
		break;
	}
	return source_is_allowed(allowed->items, allowed->count, source)
		       ? 0
		       : refuse(needs, "module", source, not_listed_module);
}

/* What would have to be evaluated can be anything: only where the operator does not care. */
static int judge_unknown(struct needs *needs, const struct strvec *allowed, const char *what)
{
	return allowed->count == 0
		       ? 0
		       : refuse(needs, what, "(an expression)",
				 "its source must be a text between quotes here, because this "
				 "server only lets in what is listed");
}

/* ---- Terraform's language ---- */

static bool names(struct hcl_token token, const char *word)
{
	return (token.kind == HCL_WORD || token.kind == HCL_STRING) &&
	       token.length == strlen(word) && memcmp(token.text, word, token.length) == 0;
}

static void on_value(void *owner, const struct hcl_value *value)
{
	struct needs *needs = owner;
	const struct hcl_frame *frames = value->frames;

	if (needs->failed < 0 || !names(value->key, "source") || value->is_item)
		return;
	if (value->depth == 1 && names(frames[0].word, "module"))
		needs->failed = value->is_text
					? judge_module(needs, value->text.text, value->text.length)
					: judge_unknown(needs, &needs->site->modules, "module");
	else if (value->depth == 3 && names(frames[0].word, "terraform") &&
		 names(frames[1].word, "required_providers"))
		needs->failed = value->is_text
					? judge_provider(
						  needs, value->text.text, value->text.length)
					: judge_unknown(needs, &needs->site->providers, "provider");
}

/* provider "registry.terraform.io/hashicorp/aws" { version = "..." ... } */
static void on_lock(void *owner, const struct hcl_value *value)
{
	struct needs *needs = owner;

	if (needs->failed == 0 && value->depth == 1 && !value->is_item &&
		names(value->frames[0].word, "provider"))
		needs->failed = judge_provider(
			needs, value->frames[0].label.text, value->frames[0].label.length);
}

/* ---- the same as JSON, where each object may be a list of them ---- */

typedef void (*object_cb)(struct needs *needs, json_t *object);

static void each(struct needs *needs, json_t *value, object_cb cb)
{
	json_t *item;
	size_t i;

	if (json_is_object(value))
		cb(needs, value);
	json_array_foreach (value, i, item)
		each(needs, item, cb);
}

static void json_source(struct needs *needs, const json_t *object, const struct strvec *allowed,
	const char *what, int (*judge)(struct needs *needs, const char *text, size_t length))
{
	const json_t *source = json_object_get(object, "source");

	if (source == NULL || needs->failed < 0)
		return;
	/* a template is evaluated in JSON, too */
	needs->failed = json_is_string(source) && strpbrk(json_string_value(source), "${%") == NULL
				? judge(needs, json_string_value(source),
					  json_string_length(source))
				: judge_unknown(needs, allowed, what);
}

static void json_module(struct needs *needs, json_t *object)
{
	json_source(needs, object, &needs->site->modules, "module", judge_module);
}

static void json_provider(struct needs *needs, json_t *object)
{
	json_source(needs, object, &needs->site->providers, "provider", judge_provider);
}

static void json_modules(struct needs *needs, json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach (object, name, value)
		each(needs, value, json_module);
}

static void json_providers(struct needs *needs, json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach (object, name, value)
		each(needs, value, json_provider);
}

static void json_terraform(struct needs *needs, json_t *object)
{
	each(needs, json_object_get(object, "required_providers"), json_providers);
}

static void json_file(struct needs *needs, json_t *object)
{
	each(needs, json_object_get(object, "module"), json_modules);
	each(needs, json_object_get(object, "terraform"), json_terraform);
}

/* ---- files and folders ---- */

static int read_file(struct needs *needs, char **ret, size_t *ret_length)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", needs->folder, needs->file);
	_cleanup_fd_ int fd = tree_open_inside(needs->root_fd, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	int r;

	*ret = NULL;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0; /* what the tool makes of it is the tool's business */
	r = output_read_fd(fd, FILE_MAX, ret, ret_length, needs->err);
	return r < 0 ? err_wrap(needs->err, "%s", path) : 0;
}

/* What jansson does not take the tools may; where only some things are let in, that is no way. */
static int check_json(struct needs *needs, const char *text, size_t length)
{
	_cleanup_json_ json_t *json = NULL;
	int r = jsonx_parse(text, length, FILE_MAX, &json, needs->err);

	if (r < 0)
		return needs->site->providers.count + needs->site->modules.count == 0
			       ? 0
			       : err_wrap(needs->err, "%s/%s", needs->folder, needs->file);
	each(needs, json, json_file);
	return needs->failed;
}

static int check_file(struct needs *needs)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int r = read_file(needs, &text, &length);

	if (r < 0 || text == NULL)
		return r;
	if (str_ends(needs->file, ".json"))
		return check_json(needs, text, length);
	hcl_walk(text, length, str_equal(needs->file, LOCK_FILE) ? on_lock : on_value, needs);
	return needs->failed;
}

static bool is_relevant(const struct needs *needs, const char *name)
{
	static const char *const ends[] = { ".tf", ".tf.json", ".tofu", ".tofu.json" };

	for (size_t i = 0; i < (needs->is_tofu ? countof(ends) : 2); i++)
		if (str_ends(name, ends[i]))
			return true;
	return false;
}

static int check_folder(struct needs *needs, const char *tree)
{
	struct err missing;
	int fd = tree_open_dir(tree, needs->folder, &missing), r = 0;
	const struct dirent *entry;
	DIR *stream;

	if (fd < 0)
		return 0;
	stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return err_sys(needs->err, ERR_SYSTEM, errno, "cannot read %s", needs->folder);
	}
	while (r == 0 && (entry = readdir(stream)) != NULL) {
		needs->file = entry->d_name;
		if (is_relevant(needs, entry->d_name))
			r = check_file(needs);
	}
	closedir(stream);
	return r;
}

static struct needs begin(const struct site *site, const struct job_spec *spec, struct err *err)
{
	return (struct needs){ .site = site,
		.is_tofu = str_equal(spec->tool, "opentofu"),
		.folder = spec->dir,
		.err = err };
}

int needs_check_tree(
	const struct site *site, const struct job_spec *spec, const char *tree, struct err *err)
{
	struct needs needs = begin(site, spec, err);
	_cleanup_strvec_ struct strvec folders = { 0 };
	_cleanup_fd_ int root = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0)
		return err_sys(err, ERR_MISSING, errno, "the work tree is not there");
	needs.root_fd = root;
	needs.file = LOCK_FILE;
	r = check_file(&needs);
	needs.folders = &folders;
	strvec_push(&folders, spec->dir);
	for (size_t i = 0; r == 0 && i < folders.count; i++) {
		needs.folder = folders.items[i];
		r = check_folder(&needs, tree);
	}
	return r;
}

/* ---- afterwards ---- */

static void made_module(struct needs *needs, json_t *module)
{
	const json_t *source = json_object_get(module, "Source");

	if (needs->failed == 0 && json_is_string(source) && json_string_length(source) > 0)
		needs->failed = judge_module(
			needs, json_string_value(source), json_string_length(source));
}

static int check_modules(struct needs *needs)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	size_t length = 0;
	int r;

	needs->file = MODULES_FILE;
	needs->folder = ".";
	r = read_file(needs, &text, &length);
	if (r < 0 || text == NULL)
		return r;
	r = jsonx_parse(text, length, FILE_MAX, &json, needs->err);
	if (r < 0)
		return err_wrap(needs->err, MODULES_FILE);
	each(needs, json_object_get(json, "Modules"), made_module);
	return needs->failed;
}

int needs_check_made(
	const struct site *site, const struct job_spec *spec, int folder_fd, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct needs needs = begin(site, spec, err);
	struct installed_list found;
	int r;

	needs.root_fd = folder_fd;
	r = check_modules(&needs);
	needs.file = ".terraform/providers";
	if (r == 0)
		r = installed_read(folder_fd, &arena, &found, err);
	for (size_t i = 0; r == 0 && i < found.count; i++)
		r = judge_provider(&needs, found.list[i].source, strlen(found.list[i].source));
	return r;
}

void needs_facts(const struct site *site, struct strbuf *facts)
{
	for (size_t i = 0; i < site->providers.count; i++)
		strbuf_printf(facts, "providers of %s\n", site->providers.items[i]);
	for (size_t i = 0; i < site->modules.count; i++)
		strbuf_printf(facts, "modules of %s\n", site->modules.items[i]);
}
