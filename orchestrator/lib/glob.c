/* Compiling and matching.
 *
 * A pattern becomes tokens. Whatever stands behind a star is tried at each place where the star may
 * end, and a place where that failed once is never tried again: so many stars cost no more than
 * their number times the length. */
#include "orchestrator/lib/glob_token.h"

#include <ctype.h>
#include <string.h>

enum { TEXT_MAX = 4096 }; /* longer ones match nothing; no path is */

static bool has_star(const struct glob_token *token)
{
	return token->kind != GLOB_LITERAL && token->kind != GLOB_ONE && token->kind != GLOB_CLASS;
}

bool glob_is_pattern(const char *text)
{
	return strpbrk(text, "*?[{") != NULL;
}

/* ---- one character ---- */

/* Length of the character at the start; bytes that are no UTF-8 count one by one. */
static size_t char_length(const char *text, size_t length)
{
	unsigned char first = (unsigned char)text[0];
	size_t most = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1, n = 1;

	while (n < most && n < length && ((unsigned char)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static int char_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* Steps over one character of a set and its backslash. */
static const char *class_char(const char *p, const char *end, size_t *ret_length)
{
	if (*p == '\\' && p + 1 < end)
		p++;
	*ret_length = char_length(p, (size_t)(end - p));
	return p;
}

/* The order of UTF-8 is the order of the characters. */
static bool class_has(const struct glob_token *token, const char *c, size_t length)
{
	const char *p = token->text, *end = p + token->length;
	bool is_negated = p < end && (*p == '^' || *p == '!'), is_in = false;

	for (p += is_negated; p < end;) {
		size_t low_length, high_length;
		const char *low = class_char(p, end, &low_length), *high = low;

		high_length = low_length;
		p = low + low_length;
		if (p + 1 < end && *p == '-') {
			high = class_char(p + 1, end, &high_length);
			p = high + high_length;
		}
		is_in = is_in || (char_compare(low, low_length, c, length) <= 0 &&
					 char_compare(c, length, high, high_length) <= 0);
	}
	return is_in != is_negated;
}

/* ---- matching ---- */

struct match {
	const struct glob_form *form;
	bool ignores_case;
	const char *text;
	size_t length;
	uint8_t *tried; /* a bit for each star and place: what follows does not match from here */
	size_t begin[GLOB_STARS_MAX], end[GLOB_STARS_MAX]; /* what each star took */
};

static bool literal_matches(const struct match *match, const struct glob_token *token, size_t at)
{
	const char *text = match->text + at;

	if (match->length - at < token->length)
		return false;
	if (!match->ignores_case)
		return memcmp(text, token->text, token->length) == 0;
	for (size_t i = 0; i < token->length; i++) {
		if (tolower((unsigned char)text[i]) != tolower((unsigned char)token->text[i]))
			return false;
	}
	return true;
}

/* Steps over what has no star, from token *i and place *at. */
static bool fixed_matches(const struct match *match, size_t *i, size_t *at)
{
	for (; *i < match->form->count; (*i)++) {
		const struct glob_token *token = &match->form->tokens[*i];
		size_t length = token->length;

		if (has_star(token))
			return true;
		if (token->kind == GLOB_LITERAL) {
			if (!literal_matches(match, token, *at))
				return false;
		} else {
			if (*at == match->length || match->text[*at] == '/')
				return false;
			length = char_length(match->text + *at, match->length - *at);
			if (token->kind == GLOB_CLASS &&
				!class_has(token, match->text + *at, length))
				return false;
		}
		*at += length;
	}
	return *at == match->length;
}

static bool may_end(const struct match *match, enum glob_kind kind, size_t begin, size_t end)
{
	if (end == begin)
		return true;
	if (kind == GLOB_DIRS)
		return match->text[end - 1] == '/';
	return kind != GLOB_REST || match->text[begin] == '/';
}

static bool star_matches(struct match *match, size_t i, size_t begin)
{
	const struct glob_token *token = &match->form->tokens[i];

	for (size_t end = begin; end <= match->length; end++) {
		size_t bit = token->star * (match->length + 1) + end, next = i + 1, at = end;

		if (end > begin && token->kind == GLOB_STAR && match->text[end - 1] == '/')
			return false;
		if (!may_end(match, token->kind, begin, end) ||
			(match->tried[bit / 8] & 1 << bit % 8) != 0)
			continue;
		match->tried[bit / 8] |= (uint8_t)(1 << bit % 8);
		if (!fixed_matches(match, &next, &at))
			continue;
		if (next == match->form->count || star_matches(match, next, at)) {
			match->begin[token->star] = begin;
			match->end[token->star] = end;
			return true;
		}
	}
	return false;
}

static size_t stars_of(const struct glob_form *form)
{
	size_t count = 0;

	for (size_t i = 0; i < form->count; i++)
		count += has_star(&form->tokens[i]);
	return count;
}

static bool form_matches(struct match *match)
{
	uint8_t few[512] = { 0 };
	_cleanup_free_ uint8_t *many = NULL;
	size_t i = 0, at = 0, bytes;

	if (!fixed_matches(match, &i, &at))
		return false;
	if (i == match->form->count)
		return true;
	bytes = stars_of(match->form) * (match->length + 1) / 8 + 1;
	if (bytes > sizeof(few))
		many = mem_alloc(bytes);
	match->tried = many != NULL ? many : few;
	return star_matches(match, i, at);
}

static bool glob_match(
	const struct glob *glob, const char *text, size_t length, struct match *match)
{
	for (size_t i = 0; i < glob->form_count && length <= TEXT_MAX; i++) {
		*match = (struct match){ .form = &glob->forms[i],
			.ignores_case = glob->ignores_case,
			.text = text,
			.length = length };
		if (form_matches(match))
			return true;
	}
	return false;
}

bool glob_matches(const struct glob *glob, const char *text)
{
	struct match match;

	return glob_match(glob, text, strlen(text), &match);
}

bool glob_captures(const struct glob *glob, const char *text, struct arena *arena, const char **ret,
	size_t *ret_count)
{
	struct match match;

	*ret_count = 0;
	if (!glob_match(glob, text, strlen(text), &match))
		return false;
	*ret_count = stars_of(match.form);
	for (size_t i = 0; i < *ret_count; i++) {
		size_t begin = match.begin[i], end = match.end[i];

		begin += begin < end && text[begin] == '/';
		end -= end > begin && text[end - 1] == '/';
		ret[i] = arena_strndup(arena, text + begin, end - begin);
	}
	return true;
}

/* ---- compiling ---- */

struct compiler {
	enum glob_dialect dialect;
	const char *text; /* for errors */
	struct arena *arena;
	struct glob *glob;
	struct glob_form form;
	struct err *err;
};

static int wrong(const struct compiler *compiler, const char *why)
{
	return err_user(
		compiler->err, ERR_SYNTAX, "the pattern \"%.100s\" %s", compiler->text, why);
}

static int token_add(
	struct compiler *compiler, enum glob_kind kind, const char *text, size_t length)
{
	struct glob_form *form = &compiler->form;
	struct glob_token *token;
	size_t stars = stars_of(form);

	form->tokens = arena_push(
		compiler->arena, form->tokens, form->count, sizeof(form->tokens[0]));
	token = &form->tokens[form->count];
	*token = (struct glob_token){ kind, text, length, 0 };
	if (has_star(token) && stars == GLOB_STARS_MAX)
		return wrong(compiler, "has more than 32 stars");
	token->star = stars;
	form->count++;
	return 0;
}

/* Literals that stand side by side in the pattern become one. */
static int literal_add(struct compiler *compiler, const char *text, size_t length)
{
	struct glob_form *form = &compiler->form;
	struct glob_token *last = form->count == 0 ? NULL : &form->tokens[form->count - 1];

	if (last == NULL || last->kind != GLOB_LITERAL || last->text + last->length != text)
		return token_add(compiler, GLOB_LITERAL, text, length);
	last->length += length;
	return 0;
}

static int class_add(struct compiler *compiler, const char **p)
{
	const char *begin = *p + 1, *end = begin;

	end += *end == '^' || *end == '!';
	if (*end == ']')
		return wrong(compiler, "has an empty [ ]");
	for (; *end != ']'; end++) {
		end += *end == '\\' && end[1] != '\0';
		if (*end == '\0')
			return wrong(compiler, "has a [ that is never closed");
	}
	*p = end + 1;
	return token_add(compiler, GLOB_CLASS, begin, (size_t)(end - begin));
}

/* Two stars, of .dockerignore: any folders; at the end anything; and, a quirk that is kept, at the
 * start of plain letters anything that ends in them. */
static int stars_ignore(struct compiler *compiler, const char *begin, const char **p)
{
	bool has_slash = (*p)[2] == '/', is_first = *p == begin;

	*p += has_slash ? 3 : 2;
	if (**p == '\0' || (is_first && !has_slash && strpbrk(*p, "*?[\\") == NULL))
		return token_add(compiler, GLOB_ANY, NULL, 0);
	return token_add(compiler, GLOB_DIRS, NULL, 0);
}

static int stars_path(struct compiler *compiler, const char *begin, const char **p)
{
	bool is_part = (*p == begin || (*p)[-1] == '/') && ((*p)[2] == '/' || (*p)[2] == '\0');

	if (!is_part) {
		*p += 2;
		return token_add(compiler, GLOB_STAR, NULL, 0);
	}
	while (str_starts(*p, "**/**/"))
		*p += 3;
	if ((*p)[2] == '/') {
		*p += 3;
		return token_add(compiler, GLOB_DIRS, NULL, 0);
	}
	*p += 2;
	return token_add(compiler, GLOB_ANY, NULL, 0);
}

/* "/" and two stars, once or more, at the very end: the folder itself as well. */
static bool is_rest(const char *p)
{
	bool is_one = str_starts(p, "/**");

	while (str_starts(p, "/**"))
		p += 3;
	return is_one && *p == '\0';
}

static int one_add(struct compiler *compiler, const char *begin, const char **p)
{
	size_t length;

	if (compiler->dialect == GLOB_NAME) {
		if (**p != '*')
			return literal_add(compiler, (*p)++, 1);
		while (**p == '*')
			(*p)++;
		return token_add(compiler, GLOB_ANY, NULL, 0);
	}
	if (compiler->dialect == GLOB_PATH && is_rest(*p)) {
		*p += strlen(*p);
		return token_add(compiler, GLOB_REST, NULL, 0);
	}
	if (str_starts(*p, "**"))
		return compiler->dialect == GLOB_PATH ? stars_path(compiler, begin, p)
						      : stars_ignore(compiler, begin, p);
	switch (**p) {
	case '*':
		(*p)++;
		return token_add(compiler, GLOB_STAR, NULL, 0);
	case '?':
		(*p)++;
		return token_add(compiler, GLOB_ONE, NULL, 0);
	case '[':
		return class_add(compiler, p);
	case '\\':
		if ((*p)[1] == '\0')
			return wrong(compiler, "ends with a \\");
		(*p)++;
		break;
	default:
		break;
	}
	length = char_length(*p, strlen(*p));
	*p += length;
	return literal_add(compiler, *p - length, length);
}

static int form_add(struct compiler *compiler, const char *text)
{
	struct glob *glob = compiler->glob;
	const char *p = text;
	int r = 0;

	if (glob->form_count == GLOB_BRACES_MAX)
		return wrong(compiler, "has too many choices in braces");
	compiler->form = (struct glob_form){ 0 };
	while (r == 0 && *p != '\0')
		r = one_add(compiler, text, &p);
	glob->forms = arena_push(
		compiler->arena, glob->forms, glob->form_count, sizeof(glob->forms[0]));
	glob->forms[glob->form_count++] = compiler->form;
	return r;
}

/* The first '{' that is not escaped and stands in no set, its end, and the next comma at its level
 * from `from`. */
static const char *brace_open(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '{')
			return p;
	}
	return NULL;
}

static const char *brace_next(const char *from)
{
	int depth = 0;

	for (const char *p = from; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (depth == 0 && (*p == ',' || *p == '}'))
			return p;
		else
			depth += (*p == '{') - (*p == '}');
	}
	return NULL;
}

static int braces_add(struct compiler *compiler, const char *text)
{
	const char *open = compiler->dialect == GLOB_PATH ? brace_open(text) : NULL, *close;
	int r = 0;

	if (open == NULL)
		return form_add(compiler, text);
	for (close = open; close != NULL && *close != '}';)
		close = brace_next(close + 1);
	if (close == NULL)
		return wrong(compiler, "has a { that is never closed");
	for (const char *at = open; r == 0 && at != close;) {
		const char *end = brace_next(at + 1);

		r = braces_add(
			compiler, arena_printf(compiler->arena, "%.*s%.*s%s", (int)(open - text),
					  text, (int)(end - at - 1), at + 1, close + 1));
		at = end;
	}
	return r;
}

/* Letters that must be taken as letters. */
static void put_escaped(char **out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("*?[]{}\\", *text) != NULL)
			*(*out)++ = '\\';
		*(*out)++ = *text;
	}
}

/* "a/./b/../c/" -> "a/c"; ".." that leave the root stay at the start, where nothing matches them.
 */
static char *clean(struct arena *arena, const char *path)
{
	char *text = arena_alloc(arena, strlen(path) + 1), *end = text;

	while (*path != '\0') {
		size_t length = strcspn(path, "/");
		char *last = end;

		while (last > text && last[-1] != '/')
			last--;
		if (length == 2 && path[0] == '.' && path[1] == '.' && end > text &&
			!(end - last == 2 && last[0] == '.' && last[1] == '.')) {
			end = last > text ? last - 1 : text;
		} else if (length > 0 && !(length == 1 && path[0] == '.')) {
			if (end > text)
				*end++ = '/';
			memcpy(end, path, length);
			end += length;
		}
		path += length + (path[length] == '/');
	}
	*end = '\0';
	return text;
}

static const char *joined(struct arena *arena, const char *base, const char *text)
{
	char *whole, *end;

	if (str_empty(base) || str_equal(base, "."))
		return clean(arena, text);
	whole = end = arena_alloc(arena, 2 * strlen(base) + strlen(text) + 2);
	put_escaped(&end, base);
	*end++ = '/';
	memcpy(end, text, strlen(text) + 1);
	return clean(arena, whole);
}

static const char *trimmed(struct arena *arena, const char *text)
{
	size_t length;

	text += strspn(text, " \t\r\n");
	for (length = strlen(text); length > 0 && isspace((unsigned char)text[length - 1]);)
		length--;
	return arena_strndup(arena, text, length);
}

int glob_compile(enum glob_dialect dialect, const char *base, const char *text, struct arena *arena,
	struct glob *ret, struct err *err)
{
	struct compiler compiler = {
		.dialect = dialect, .text = text, .arena = arena, .glob = ret, .err = err
	};
	const char *pattern = trimmed(arena, text);

	*ret = (struct glob){ .text = text, .ignores_case = dialect == GLOB_NAME };
	if (strlen(pattern) > GLOB_BYTES_MAX)
		return wrong(&compiler, "is longer than 1024 bytes");
	if (dialect != GLOB_PATH && pattern[0] == '!') {
		ret->takes_out = true;
		pattern++;
	}
	if (pattern[0] == '\0')
		return wrong(&compiler, "is empty");
	if (dialect != GLOB_NAME)
		pattern = joined(arena, base, pattern);
	/* the folder itself: "." */
	return braces_add(&compiler, pattern[0] == '\0' ? "." : pattern);
}

/* ---- lists ---- */

int glob_list_compile(enum glob_dialect dialect, const char *base, const char **texts, size_t count,
	struct arena *arena, struct glob_list *ret, struct err *err)
{
	int r = 0;

	*ret = (struct glob_list){ .dialect = dialect,
		.globs = arena_alloc(arena, (count + 1) * sizeof(*ret->globs)),
		.count = count };
	for (size_t i = 0; r == 0 && i < count; i++)
		r = glob_compile(dialect, base, texts[i], arena, &ret->globs[i], err);
	return r;
}

/* The path, or a folder above it. */
static bool path_or_folder(const struct glob *glob, const char *path)
{
	struct match match;

	if (glob_match(glob, path, strlen(path), &match))
		return true;
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		if (glob_match(glob, path, (size_t)(slash - path), &match))
			return true;
	}
	return false;
}

const struct glob *glob_list_find(const struct glob_list *list, const char *text)
{
	const struct glob *found = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const struct glob *glob = &list->globs[i];
		bool is_ordered = list->dialect == GLOB_IGNORE;

		if (is_ordered && glob->takes_out != (found != NULL))
			continue; /* it is in already, or out already */
		if (is_ordered ? !path_or_folder(glob, text) : !glob_matches(glob, text))
			continue;
		if (glob->takes_out && !is_ordered)
			return NULL;
		found = glob->takes_out ? NULL : found != NULL ? found : glob;
	}
	return found;
}
