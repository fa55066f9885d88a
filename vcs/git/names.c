/* Names and texts that come out of a repository. Must not: touch a file. */
#include "vcs/git/names.h"
#include "orchestrator/lib/strbuf.h"
#include "vcs/git/limits.h"
#include <string.h>
#include <strings.h>

size_t name_utf8(const char *text, size_t length, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t width;
	uint32_t value;

	if (length == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	width = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (width > length)
		return 0;
	value = p[0] & (0x7fu >> width);
	for (size_t i = 1; i < width; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3fu);
	}
	if (value < least[width] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*ret = value;
	return width;
}

/* Drawn as nothing: marks of direction, joiners, the byte order mark. */
static bool is_hidden(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xad;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* ".git" in any case, with what some file systems drop: hidden characters, dots and blanks at the
 * end, a stream. */
static bool is_repository_folder(const char *name)
{
	char plain[8];
	size_t count = 0, length = strlen(name);
	uint32_t c;

	if (strncasecmp(name, "git~", 4) == 0 && name[4] >= '0' && name[4] <= '9' &&
		name[5] == '\0')
		return true;
	for (size_t i = 0, width; i < length; i += width) {
		width = name_utf8(name + i, length - i, &c);
		if (width == 0)
			return false;
		if (is_hidden(c))
			continue;
		if (count == 4 && (c == ':' || c == '\\'))
			break;
		if (count >= 4) {
			if (c != '.' && c != ' ')
				return false;
			continue;
		}
		if (c >= 0x80)
			return false;
		plain[count++] = (char)c;
	}
	plain[count] = '\0';
	return strcasecmp(plain, ".git") == 0;
}

enum name_verdict name_check(const char *name)
{
	size_t length = strlen(name);
	enum name_verdict verdict = NAME_FINE;
	uint32_t c;

	if (length == 0 || length > LIMIT_NAME_BYTES || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0)
		return NAME_BAD;
	if (memchr(name, '/', length) != NULL || is_repository_folder(name))
		return NAME_BAD;
	for (size_t i = 0, width; i < length; i += width) {
		width = name_utf8(name + i, length - i, &c);
		if (width == 0) {
			width = 1;
			verdict = NAME_ODD;
		} else if (is_control(c) || is_hidden(c)) {
			verdict = NAME_ODD;
		}
	}
	return verdict;
}

char *name_shown(struct arena *arena, const char *bytes, size_t length, size_t cap)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(4 * length + 16);
	uint32_t c;

	for (size_t i = 0, width; i < length; i += width) {
		width = name_utf8(bytes + i, length - i, &c);
		if (width != 0 && !is_control(c) && !is_hidden(c)) {
			if (out.length + width > cap)
				break;
			strbuf_append(&out, bytes + i, width);
			continue;
		}
		if (width == 0)
			width = 1;
		if (out.length + 4 * width > cap)
			break;
		for (size_t k = 0; k < width; k++)
			strbuf_printf(&out, "\\x%02x", (unsigned)(unsigned char)bytes[i + k]);
	}
	return arena_strdup(arena, strbuf_text(&out));
}

char *name_resolve(struct arena *arena, const char *dir, const char *relative)
{
	char path[LIMIT_PATH_BYTES + 1] = "";
	size_t length = 0;
	const char *parts[] = { str_equal(dir, ".") ? "" : dir, relative };

	if (relative[0] == '/')
		return NULL;
	for (size_t i = 0; i < countof(parts); i++) {
		for (const char *p = parts[i]; *p != '\0';) {
			size_t step = strcspn(p, "/");

			if (step == 2 && p[0] == '.' && p[1] == '.') {
				if (length == 0)
					return NULL;
				while (length > 0 && path[length - 1] != '/')
					length--;
				if (length > 0)
					length--;
			} else if (step > 0 && !(step == 1 && p[0] == '.')) {
				if (length + step + 2 > sizeof(path))
					return NULL;
				if (length > 0)
					path[length++] = '/';
				memcpy(path + length, p, step);
				length += step;
			}
			p += step;
			p += *p == '/';
		}
	}
	return length == 0 ? arena_strdup(arena, ".") : arena_strndup(arena, path, length);
}

bool name_link_stays(const char *target, size_t length, int depth)
{
	bool has_name = false;

	if (length == 0 || length > LIMIT_LINK_BYTES || target[0] == '/' ||
		memchr(target, '\0', length) != NULL)
		return false;
	for (size_t i = 0; i < length;) {
		const char *slash = memchr(target + i, '/', length - i);
		size_t step = slash != NULL ? (size_t)(slash - target) - i : length - i;

		if (step == 2 && target[i] == '.' && target[i + 1] == '.') {
			if (has_name || --depth < 0)
				return false;
		} else if (step > 0 && !(step == 1 && target[i] == '.')) {
			has_name = true;
		}
		i += step + 1;
	}
	return true;
}

bool name_is_kustomization(const char *name)
{
	return str_equal(name, "kustomization.yaml") || str_equal(name, "kustomization.yml") ||
	       str_equal(name, "Kustomization");
}

bool name_is_terraform_json(const char *name)
{
	return str_ends(name, ".tf.json") || str_ends(name, ".tofu.json");
}

bool name_is_terraform(const char *name)
{
	return str_ends(name, ".tf") || str_ends(name, ".tofu") || name_is_terraform_json(name);
}

bool name_path_is_fine(const char *path)
{
	char name[LIMIT_NAME_BYTES + 1];

	while (*path != '\0') {
		size_t length = strcspn(path, "/");

		if (length > LIMIT_NAME_BYTES)
			return false;
		memcpy(name, path, length);
		name[length] = '\0';
		if (strcmp(name, ".") != 0 && name_check(name) != NAME_FINE)
			return false;
		path += length;
		path += *path == '/';
	}
	return true;
}

bool name_is_for_tools(const char *name)
{
	return strcasecmp(name, ".terraform") == 0 || strcasecmp(name, "terraform.d") == 0;
}
