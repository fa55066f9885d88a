/* git's answer, both ways. */
#include "orchestrator/model/prepared.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"

#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 200000, WHERE_MAX = 48, PATH_MAX_BYTES = 4096, FOLDERS_TEXT_MAX = 16 << 20 };

static int read_list(struct jsonx *reader, const char *key, const json_t **ret, size_t *ret_count,
	struct err *err)
{
	*ret = jsonx_array_or(reader, key);
	*ret_count = json_array_size(*ret);
	if (reader->failed != 0)
		return reader->failed;
	if (*ret_count > LIST_MAX)
		return err_set(
			err, ERR_LIMIT, "prepared: %s has more than %d entries", key, LIST_MAX);
	return 0;
}

static int read_strings(struct jsonx *reader, const char *key, struct arena *arena,
	const char ***ret, size_t *ret_count, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, key, &list, ret_count, err);

	if (r < 0)
		return r;
	*ret = arena_alloc(arena, (*ret_count + 1) * sizeof(**ret));
	for (size_t i = 0; i < *ret_count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!json_is_string(item) ||
			strlen(json_string_value(item)) != json_string_length(item))
			return err_set(err, ERR_SYNTAX,
				"prepared: %s[%zu] must be a string without NUL", key, i);
		(*ret)[i] = arena_strdup(arena, json_string_value(item));
	}
	return 0;
}

/* Reads one entry of a list; `where` must live as long as the reader. */
static struct jsonx entry(
	const json_t *list, const char *key, size_t i, char where[WHERE_MAX], struct err *err)
{
	(void)snprintf(where, WHERE_MAX, "prepared: %s[%zu]", key, i);
	return jsonx_reader(json_array_get(list, i), where, err);
}

static int read_status(struct jsonx *file, char *ret, struct err *err)
{
	const char *status = jsonx_string(file, "status");

	if (file->failed != 0)
		return file->failed;
	if (status[0] == '\0' || status[1] != '\0' || strchr("AMDRT", status[0]) == NULL)
		return err_set(
			err, ERR_SYNTAX, "%s: status must be one of A, M, D, R, T", file->what);
	*ret = status[0];
	return 0;
}

static int read_changed(struct jsonx *reader, const char *key, struct arena *arena,
	struct changed_file **ret, size_t *ret_count, struct err *err)
{
	struct changed_file *files;
	const json_t *list;
	int r = read_list(reader, key, &list, ret_count, err);

	if (r < 0)
		return r;
	*ret = files = arena_alloc(arena, (*ret_count + 1) * sizeof(*files));
	for (size_t i = 0; i < *ret_count; i++) {
		char where[WHERE_MAX];
		struct jsonx file = entry(list, key, i, where, err);

		files[i].path = arena_strdup(arena, jsonx_string(&file, "path"));
		files[i].old_path = arena_strdup(arena, jsonx_string_or(&file, "old_path", NULL));
		r = read_status(&file, &files[i].status, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static json_t *write_changed(const struct changed_file *files, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const char status[2] = { files[i].status, '\0' };
		json_t *row = json_object();

		json_object_set_new(row, "path", jsonx_any(files[i].path));
		if (files[i].old_path != NULL)
			json_object_set_new(row, "old_path", jsonx_any(files[i].old_path));
		json_object_set_new(row, "status", json_string(status));
		json_array_append_new(list, row);
	}
	return list;
}

static int read_workspaces(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, "workspaces", &list, &ret->workspace_count, err);

	if (r < 0)
		return r;
	ret->workspaces = arena_alloc(arena, (ret->workspace_count + 1) * sizeof(*ret->workspaces));
	for (size_t i = 0; i < ret->workspace_count; i++) {
		char where[WHERE_MAX];
		struct jsonx row = entry(list, "workspaces", i, where, err);

		ret->workspaces[i].dir = arena_strdup(arena, jsonx_string(&row, "dir"));
		ret->workspaces[i].workspace = arena_strdup(arena, jsonx_string(&row, "workspace"));
		if (row.failed != 0)
			return row.failed;
	}
	return 0;
}

/* ---- folders: one text, a line for each: how many bytes are those of the path before, what it
 * holds, the rest of the path. A large repository has many thousands that differ in one word. ----
 */

static bool read_number(const char **p, size_t most, size_t *ret)
{
	size_t number = 0;
	const char *begin = *p;

	for (; **p >= '0' && **p <= '9' && number <= most; (*p)++)
		number = number * 10 + (size_t)(**p - '0');
	*ret = number;
	return *p > begin && number <= most && *(*p)++ == ' ';
}

static bool read_folder(
	const char **p, struct arena *arena, char path[PATH_MAX_BYTES], struct tree_folder *ret)
{
	size_t shared, holds, rest;

	if (!read_number(p, strlen(path), &shared) || !read_number(p, HOLDS_ALL, &holds))
		return false;
	rest = strcspn(*p, "\n");
	if (rest == 0 || shared + rest >= PATH_MAX_BYTES || (*p)[rest] != '\n')
		return false;
	/* in order, each once */
	if (strncmp(path + shared, *p, rest) >= 0 && path[0] != '\0')
		return false;
	memcpy(path + shared, *p, rest);
	path[shared + rest] = '\0';
	*p += rest + 1;
	*ret = (struct tree_folder){ arena_strdup(arena, path), (unsigned)holds };
	return true;
}

static int read_folders(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const char *p = jsonx_string_or(reader, "folders", "");
	char path[PATH_MAX_BYTES] = "";

	if (reader->failed != 0)
		return reader->failed;
	while (*p != '\0') {
		if (ret->folder_count == LIST_MAX)
			return err_set(err, ERR_LIMIT, "prepared: folders has more than %d entries",
				LIST_MAX);
		ret->folders = arena_push(
			arena, ret->folders, ret->folder_count, sizeof(*ret->folders));
		if (!read_folder(&p, arena, path, &ret->folders[ret->folder_count]))
			return err_set(err, ERR_SYNTAX,
				"prepared: folders, line %zu: not as agreed",
				ret->folder_count + 1);
		ret->folder_count++;
	}
	return 0;
}

static json_t *write_folders(const struct prepared *prepared)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF(FOLDERS_TEXT_MAX);
	const char *before = "";

	for (size_t i = 0; i < prepared->folder_count; i++) {
		const struct tree_folder *folder = &prepared->folders[i];
		size_t shared = 0;

		while (before[shared] != '\0' && before[shared] == folder->path[shared])
			shared++;
		/* not inside a character: each line is a text of its own */
		while (shared > 0 && ((unsigned char)folder->path[shared] & 0xc0) == 0x80)
			shared--;
		strbuf_printf(&lines, "%zu %u %s\n", shared, folder->holds, folder->path + shared);
		before = folder->path;
	}
	return jsonx_any(lines.overflowed ? "\xff" : strbuf_text(&lines));
}

const struct tree_folder *prepared_folder(
	const struct prepared *prepared, const char *path, size_t length)
{
	size_t low = 0, high = prepared->folder_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *name = prepared->folders[middle].path;
		int order = strncmp(name, path, length);

		if (order == 0 && name[length] == '\0')
			return &prepared->folders[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- uses: one text, a line for each: the number of the folder among `folders`, then that of the
 * module, or "=" and its path where there is no such folder. ---- */

static bool read_use(const char **p, struct arena *arena, const struct prepared *prepared,
	struct module_use *ret)
{
	size_t dir, module, length, most = prepared->folder_count;

	if (!read_number(p, most, &dir) || dir >= most)
		return false;
	length = strcspn(*p, "\n");
	if (length < 1 || (*p)[length] != '\n')
		return false;
	ret->dir = prepared->folders[dir].path;
	if (**p == '=') {
		ret->module = arena_strndup(arena, *p + 1, length - 1);
		*p += length + 1;
		return length > 1;
	}
	module = 0;
	for (size_t i = 0; i < length; i++, (*p)++) {
		if (**p < '0' || **p > '9' || module > most)
			return false;
		module = module * 10 + (size_t)(**p - '0');
	}
	(*p)++;
	if (module >= most)
		return false;
	ret->module = prepared->folders[module].path;
	return true;
}

static int read_uses(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const char *p = jsonx_string_or(reader, "uses", "");

	if (reader->failed != 0)
		return reader->failed;
	while (*p != '\0') {
		if (ret->use_count == LIST_MAX)
			return err_set(err, ERR_LIMIT, "prepared: uses has more than %d entries",
				LIST_MAX);
		ret->uses = arena_push(arena, ret->uses, ret->use_count, sizeof(*ret->uses));
		if (!read_use(&p, arena, ret, &ret->uses[ret->use_count]))
			return err_set(err, ERR_SYNTAX, "prepared: uses, line %zu: not as agreed",
				ret->use_count + 1);
		ret->use_count++;
	}
	return 0;
}

static json_t *write_uses(const struct prepared *prepared)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF(FOLDERS_TEXT_MAX);

	for (size_t i = 0; i < prepared->use_count; i++) {
		const struct module_use *use = &prepared->uses[i];
		const struct tree_folder *dir = prepared_folder(
						 prepared, use->dir, strlen(use->dir)),
					 *module = prepared_folder(
						 prepared, use->module, strlen(use->module));

		if (dir == NULL) /* a use by nobody */
			continue;
		strbuf_printf(&lines, "%td ", dir - prepared->folders);
		if (module == NULL)
			strbuf_printf(&lines, "=%s\n", use->module);
		else
			strbuf_printf(&lines, "%td\n", module - prepared->folders);
	}
	return jsonx_any(lines.overflowed ? "\xff" : strbuf_text(&lines));
}

/* ---- files of the configuration: text, or hex where it is none ---- */

static int read_config(
	struct jsonx *reader, const char *key, struct arena *arena, struct config_file *ret)
{
	const json_t *object = json_object_get(reader->object, key);
	struct jsonx file = jsonx_reader(object, key, reader->err);
	const char *text, *hex;

	if (object == NULL || json_is_null(object))
		return 0;
	ret->name = arena_strdup(arena, jsonx_string(&file, "name"));
	ret->problem = arena_strdup(arena, jsonx_string_or(&file, "problem", NULL));
	text = jsonx_string_or(&file, "text", NULL);
	hex = jsonx_string_or(&file, "hex", "");
	if (file.failed != 0)
		return file.failed;
	ret->length = text != NULL ? strlen(text) : strlen(hex) / 2;
	ret->bytes = arena_strndup(arena, text != NULL ? text : hex, ret->length);
	if (text == NULL && !codec_unhex(hex, strlen(hex), (uint8_t *)(uintptr_t)ret->bytes))
		return err_set(reader->err, ERR_SYNTAX, "prepared: %s: hex is none", key);
	return 0;
}

static json_t *write_config(const struct config_file *file)
{
	json_t *json, *text;

	if (file->name == NULL)
		return json_null();
	json = json_pack("{s:s}", "name", file->name);
	text = file->length == 0 ? json_string("") : json_stringn(file->bytes, file->length);
	if (file->problem != NULL)
		json_object_set_new(json, "problem", json_string(file->problem));
	if (text != NULL && memchr(file->bytes, '\0', file->length) == NULL) {
		json_object_set(json, "text", text);
	} else {
		_cleanup_free_ char *hex = mem_alloc(2 * file->length + 1);

		codec_hex((const uint8_t *)file->bytes, file->length, hex);
		json_object_set_new(json, "hex", json_string(hex));
	}
	json_decref(text);
	return json;
}

static int read_people(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, "people", &list, &ret->people_count, err);

	if (r < 0)
		return r;
	ret->people = arena_alloc(arena, (ret->people_count + 1) * sizeof(*ret->people));
	for (size_t i = 0; i < ret->people_count; i++) {
		char where[WHERE_MAX];
		struct jsonx person = entry(list, "people", i, where, err);

		ret->people[i].name = arena_strdup(arena, jsonx_string(&person, "name"));
		ret->people[i].email = arena_strdup(arena, jsonx_string(&person, "email"));
		if (person.failed != 0)
			return person.failed;
	}
	return 0;
}

/* ---- owners ---- */

static int read_owners(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, "owners", &list, &ret->owner_count, err);

	ret->owners_file = arena_strdup(arena, jsonx_string_or(reader, "owners_file", NULL));
	ret->owners_problem = arena_strdup(arena, jsonx_string_or(reader, "owners_problem", NULL));
	if (r < 0 || reader->failed != 0)
		return r < 0 ? r : reader->failed;
	ret->owners = arena_alloc(arena, (ret->owner_count + 1) * sizeof(*ret->owners));
	for (size_t i = 0; i < ret->owner_count; i++) {
		char where[WHERE_MAX];
		struct jsonx row = entry(list, "owners", i, where, err);
		int64_t line = jsonx_int(&row, "line");

		ret->owners[i].path = arena_strdup(arena, jsonx_string(&row, "path"));
		if (row.failed != 0)
			return row.failed;
		if (line < 1 || line > INT32_MAX)
			return err_set(err, ERR_SYNTAX, "%s: line is none", where);
		ret->owners[i].line = (int)line;
		r = read_strings(&row, "names", arena, &ret->owners[i].names,
			&ret->owners[i].name_count, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static json_t *write_strings(const char **list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, jsonx_any(list[i]));
	return array;
}

static void write_owners(const struct prepared *prepared, json_t *json)
{
	json_t *list = json_array();

	for (size_t i = 0; i < prepared->owner_count; i++) {
		const struct code_owners *one = &prepared->owners[i];

		json_array_append_new(list,
			json_pack("{s:o, s:i, s:o}", "path", jsonx_any(one->path), "line",
				one->line, "names", write_strings(one->names, one->name_count)));
	}
	json_object_set_new(json, "owners", list);
	if (prepared->owners_file != NULL)
		json_object_set_new(json, "owners_file", jsonx_any(prepared->owners_file));
	if (prepared->owners_problem != NULL)
		json_object_set_new(json, "owners_problem", jsonx_any(prepared->owners_problem));
}

/* ---- what the commits bring ---- */

static int read_place(struct jsonx *row, const char **ret_path, int *ret_line)
{
	int64_t line = jsonx_int(row, "line");

	if (row->failed == 0 && (line < 0 || line > INT32_MAX))
		row->failed = err_set(row->err, ERR_SYNTAX, "%s: line is none", row->what);
	*ret_path = jsonx_string(row, "path");
	*ret_line = (int)line;
	return row->failed;
}

static int read_left_out(struct jsonx *reader, const char *key, size_t *ret)
{
	int64_t count = jsonx_int_or(reader, key, 0);

	if (reader->failed == 0 && (count < 0 || count > INT32_MAX))
		return err_set(reader->err, ERR_SYNTAX, "prepared: %s is none", key);
	*ret = (size_t)count;
	return reader->failed;
}

static int read_secrets(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, "secrets", &list, &ret->secret_count, err);

	if (r == 0 && ret->secret_count > PREPARED_SECRETS_MAX)
		r = err_set(err, ERR_LIMIT, "prepared: too many secrets");
	if (r == 0)
		r = read_left_out(reader, "secrets_left_out", &ret->secrets_left_out);
	if (r < 0)
		return r;
	ret->secrets = arena_alloc(arena, (ret->secret_count + 1) * sizeof(*ret->secrets));
	for (size_t i = 0; r == 0 && i < ret->secret_count; i++) {
		char where[WHERE_MAX];
		struct jsonx row = entry(list, "secrets", i, where, err);
		struct plain_secret *one = &ret->secrets[i];
		const char *path;

		(void)read_place(&row, &path, &one->line);
		one->path = arena_strdup(arena, path);
		one->rule = arena_strdup(arena, jsonx_string(&row, "rule"));
		one->commit = arena_strdup(arena, jsonx_string(&row, "commit"));
		one->is_gone = jsonx_bool_or(&row, "is_gone", false);
		r = row.failed;
	}
	return r;
}

static int read_skips(
	struct jsonx *reader, struct arena *arena, struct prepared *ret, struct err *err)
{
	const json_t *list;
	int r = read_list(reader, "skips", &list, &ret->skip_count, err);

	if (r == 0 && ret->skip_count > PREPARED_SKIPS_MAX)
		r = err_set(err, ERR_LIMIT, "prepared: too many skips");
	if (r == 0)
		r = read_left_out(reader, "skips_left_out", &ret->skips_left_out);
	if (r < 0)
		return r;
	ret->skips = arena_alloc(arena, (ret->skip_count + 1) * sizeof(*ret->skips));
	for (size_t i = 0; r == 0 && i < ret->skip_count; i++) {
		char where[WHERE_MAX];
		struct jsonx row = entry(list, "skips", i, where, err);
		const char *path;

		(void)read_place(&row, &path, &ret->skips[i].line);
		ret->skips[i].path = arena_strdup(arena, path);
		ret->skips[i].id = arena_strdup(arena, jsonx_string(&row, "id"));
		r = row.failed;
	}
	return r;
}

static void write_brought(const struct prepared *prepared, json_t *json)
{
	json_t *secrets = json_array(), *skips = json_array();

	for (size_t i = 0; i < prepared->secret_count; i++) {
		const struct plain_secret *one = &prepared->secrets[i];

		json_array_append_new(secrets,
			json_pack("{s:o, s:i, s:o, s:o, s:b}", "path", jsonx_any(one->path), "line",
				one->line, "rule", jsonx_any(one->rule), "commit",
				jsonx_any(one->commit), "is_gone", one->is_gone));
	}
	for (size_t i = 0; i < prepared->skip_count; i++)
		json_array_append_new(skips,
			json_pack("{s:o, s:i, s:o}", "path", jsonx_any(prepared->skips[i].path),
				"line", prepared->skips[i].line, "id",
				jsonx_any(prepared->skips[i].id)));
	json_object_set_new(json, "secrets", secrets);
	json_object_set_new(json, "skips", skips);
	json_object_set_new(
		json, "secrets_left_out", json_integer((json_int_t)prepared->secrets_left_out));
	json_object_set_new(
		json, "skips_left_out", json_integer((json_int_t)prepared->skips_left_out));
}

static int read_hooks(struct jsonx *reader, struct prepared *ret, struct err *err)
{
	int64_t wrote = jsonx_int_or(reader, "hooks_wrote", 0);

	ret->config_by_hooks = jsonx_bool_or(reader, "config_by_hooks", false);
	if (reader->failed != 0)
		return reader->failed;
	if (wrote < 0 || wrote > LIST_MAX)
		return err_set(err, ERR_SYNTAX, "prepared: hooks_wrote is none");
	ret->hooks_wrote = (size_t)wrote;
	return 0;
}

int prepared_read(const json_t *json, struct arena *arena, struct prepared *ret, struct err *err)
{
	struct jsonx reader = jsonx_reader(json, "prepared", err);
	int r;

	*ret = (struct prepared){ 0 };
	ret->head = arena_strdup(arena, jsonx_string(&reader, "head"));
	ret->base = arena_strdup(arena, jsonx_string(&reader, "base"));
	ret->merge_base = arena_strdup(arena, jsonx_string(&reader, "merge_base"));
	ret->tree = arena_strdup(arena, jsonx_string_or(&reader, "tree", ""));
	ret->base_tree = arena_strdup(arena, jsonx_string_or(&reader, "base_tree", ""));
	if (reader.failed != 0)
		return reader.failed;
	r = read_strings(&reader, "conflicts", arena, &ret->conflicts, &ret->conflict_count, err);
	if (r == 0)
		r = read_changed(
			&reader, "changed", arena, &ret->changed, &ret->changed_count, err);
	if (r == 0)
		r = read_changed(&reader, "moved", arena, &ret->moved, &ret->moved_count, err);
	if (r == 0)
		r = read_folders(&reader, arena, ret, err);
	if (r == 0)
		r = read_workspaces(&reader, arena, ret, err);
	if (r == 0)
		r = read_config(&reader, "config_base", arena, &ret->config_base);
	if (r == 0)
		r = read_config(&reader, "config_head", arena, &ret->config_head);
	if (r == 0)
		r = read_uses(&reader, arena, ret, err);
	if (r == 0)
		r = read_people(&reader, arena, ret, err);
	if (r == 0)
		r = read_owners(&reader, arena, ret, err);
	if (r == 0)
		r = read_secrets(&reader, arena, ret, err);
	if (r == 0)
		r = read_skips(&reader, arena, ret, err);
	return r < 0 ? r : read_hooks(&reader, ret, err);
}

json_t *prepared_write(const struct prepared *prepared)
{
	json_t *json = json_object(), *people = json_array(), *workspaces = json_array();

	for (size_t i = 0; i < prepared->people_count; i++)
		json_array_append_new(
			people, json_pack("{s:o, s:o}", "name", jsonx_any(prepared->people[i].name),
					"email", jsonx_any(prepared->people[i].email)));
	for (size_t i = 0; i < prepared->workspace_count; i++)
		json_array_append_new(workspaces,
			json_pack("{s:o, s:o}", "dir", jsonx_any(prepared->workspaces[i].dir),
				"workspace", jsonx_any(prepared->workspaces[i].workspace)));
	json_object_set_new(json, "head", jsonx_any(prepared->head));
	json_object_set_new(json, "base", jsonx_any(prepared->base));
	json_object_set_new(json, "merge_base", jsonx_any(prepared->merge_base));
	json_object_set_new(json, "tree", jsonx_any(prepared->tree));
	json_object_set_new(json, "base_tree", jsonx_any(prepared->base_tree));
	json_object_set_new(
		json, "conflicts", write_strings(prepared->conflicts, prepared->conflict_count));
	json_object_set_new(
		json, "changed", write_changed(prepared->changed, prepared->changed_count));
	if (prepared->moved_count > 0)
		json_object_set_new(
			json, "moved", write_changed(prepared->moved, prepared->moved_count));
	json_object_set_new(json, "config_base", write_config(&prepared->config_base));
	json_object_set_new(json, "config_head", write_config(&prepared->config_head));
	json_object_set_new(json, "folders", write_folders(prepared));
	json_object_set_new(json, "workspaces", workspaces);
	json_object_set_new(json, "uses", write_uses(prepared));
	json_object_set_new(json, "people", people);
	write_owners(prepared, json);
	write_brought(prepared, json);
	if (prepared->hooks_wrote > 0)
		json_object_set_new(
			json, "hooks_wrote", json_integer((json_int_t)prepared->hooks_wrote));
	if (prepared->config_by_hooks)
		json_object_set_new(json, "config_by_hooks", json_true());
	return json;
}
