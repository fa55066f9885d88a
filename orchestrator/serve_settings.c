/* Reading server.yaml for a server. */
#include "orchestrator/serve_settings.h"

#include "config/server_config.h"
#include "orchestrator/cli.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { ERRORS_TEXT_MAX = 64 << 10 };

static void keep_errors(struct serve_settings *settings, struct config_errors *errors)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF(ERRORS_TEXT_MAX);

	config_errors_text(errors, settings->file, &text);
	free(settings->refused);
	settings->refused = errors->found == 0 ? NULL : strbuf_steal(&text);
	config_errors_release(errors);
}

static struct settings *new_generation(int64_t number)
{
	struct settings *next = mem_alloc(sizeof(*next));

	server_config_defaults(next);
	next->refs = 1;
	next->generation = number;
	return next;
}

/* ---- the first ---- */

static int make_data_dir(struct settings *settings, const char *wish, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;

	if (wish != NULL)
		settings->data_dir = arena_strdup(&settings->arena, wish);
	if (settings->data_dir == NULL)
		settings->data_dir = cli_data_dir(NULL, &settings->arena);
	if (cli_make_folders(settings->data_dir, err) < 0)
		return -(int)err->code;
	if (realpath(settings->data_dir, path) == NULL || stat(path, &st) < 0)
		return err_sys(err, ERR_CONFIG, errno, "the data folder %s cannot be used",
			settings->data_dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s is not a directory; choose another --data",
			settings->data_dir);
	if (chmod(path, 0700) < 0)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the data folder %s cannot be used: %s; it must belong to the user of the "
			"server, or choose another --data",
			settings->data_dir, strerror(errno));
	settings->data_dir = arena_strdup(&settings->arena, path);
	return 0;
}

int serve_settings_start(struct serve_settings *settings, struct err *err)
{
	struct config_errors errors = { 0 };
	int r = 0;

	settings->current = new_generation(1);
	settings->first = settings_ref(settings->current);
	if (settings->file != NULL)
		r = server_config_read(settings->file, settings->current, &errors, err);
	keep_errors(settings, &errors);
	return r < 0 ? r : make_data_dir(settings->current, settings->data_wish, err);
}

/* ---- those that follow ---- */

/* The same folder may be written in another way; nothing is made. */
static void find_data_dir(const struct serve_settings *settings, struct settings *next)
{
	const char *now = settings->first->data_dir;
	char path[PATH_MAX];

	if (settings->data_wish == NULL && next->data_dir == NULL)
		next->data_dir = cli_data_dir(NULL, &next->arena);
	if (settings->data_wish != NULL ||
		(realpath(next->data_dir, path) != NULL && str_equal(path, now)))
		next->data_dir = now;
}

int serve_settings_next(struct serve_settings *settings, struct settings **ret, struct err *err)
{
	struct config_errors errors = { 0 };
	struct settings *next;
	int r;

	if (settings->file == NULL)
		return err_user(err, ERR_USAGE,
			"the server was started without --config: there is no file to read again");
	next = new_generation(settings->current->generation + 1);
	r = server_config_read(settings->file, next, &errors, err);
	if (r == 0) {
		find_data_dir(settings, next);
		r = server_config_must_stay(settings->first, next, &errors, err);
	}
	keep_errors(settings, &errors);
	if (r < 0)
		settings_unref(next);
	else
		*ret = next;
	return r;
}

void serve_settings_refuse(struct serve_settings *settings, const struct err *err)
{
	free(settings->refused);
	settings->refused = mem_printf("%s: %s", settings->file, err->text);
}

void serve_settings_take(struct serve_settings *settings, struct settings *next)
{
	settings_unref(settings->current);
	settings->current = next;
}

void serve_settings_release(struct serve_settings *settings)
{
	settings_unref(settings->current);
	settings_unref(settings->first);
	free(settings->refused);
	*settings = (struct serve_settings){ 0 };
}
