/* Both patterns as automata, walked together: they overlap when both can end at once. */
#include "config/overlap.h"

#include <string.h>

enum token_kind { LETTER, ANY_LETTER, STAR, ANYTHING, SKIP };

struct token {
	enum token_kind kind;
	char letter;
	unsigned char skip; /* SKIP: so many tokens may be left out */
};

enum { TOKENS_MAX = 1100 };

struct pattern {
	struct token tokens[TOKENS_MAX];
	size_t count;
};

static bool add(struct pattern *pattern, enum token_kind kind, char letter)
{
	if (pattern->count == TOKENS_MAX)
		return false;
	pattern->tokens[pattern->count++] = (struct token){ kind, letter, kind == SKIP ? 3 : 0 };
	return true;
}

/* Behind [class] or {words}; the text itself when it has no end. */
static const char *behind(const char *text, char last)
{
	const char *end = strchr(text, last);

	return end == NULL ? text : end;
}

static bool add_stars(struct pattern *pattern, const char **text, bool begins_part)
{
	bool is_whole = begins_part && (*text)[1] == '*' &&
			((*text)[2] == '/' || (*text)[2] == '\0');

	if (!is_whole) {
		*text += strspn(*text, "*") - 1;
		return add(pattern, STAR, 0);
	}
	*text += 1;
	if ((*text)[1] == '\0') {
		if (pattern->count == 0)
			return add(pattern, ANYTHING, 0);
		/* "a/" and two stars is a, and all below: the slash goes with them */
		pattern->count--;
		return add(pattern, SKIP, 0) && add(pattern, LETTER, '/') &&
		       add(pattern, ANYTHING, 0);
	}
	*text += 1;
	return add(pattern, SKIP, 0) && add(pattern, ANYTHING, 0) && add(pattern, LETTER, '/');
}

static bool read_pattern(struct pattern *pattern, const char *text)
{
	bool fits = true;

	pattern->count = 0;
	for (const char *begin = text; *text != '\0' && fits; text++) {
		bool begins_part = text == begin || text[-1] == '/';

		if (*text == '*') {
			fits = add_stars(pattern, &text, begins_part);
		} else if (*text == '?') {
			fits = add(pattern, ANY_LETTER, 0);
		} else if (*text == '[') {
			text = behind(text, ']');
			fits = add(pattern, ANY_LETTER, 0);
		} else if (*text == '{') {
			text = behind(text, '}');
			fits = add(pattern, ANYTHING, 0);
		} else {
			text += *text == '\\' && text[1] != '\0';
			fits = add(pattern, LETTER, *text);
		}
	}
	return fits;
}

/* A place in both patterns, seen once. */
struct walk {
	const struct pattern *a, *b;
	unsigned char *seen; /* bits */
	uint32_t *open;
	size_t open_count;
};

static void visit(struct walk *walk, size_t i, size_t k)
{
	size_t place = i * (walk->b->count + 1) + k;

	if (walk->seen[place / 8] & (1u << (place % 8)))
		return;
	walk->seen[place / 8] |= (unsigned char)(1u << (place % 8));
	walk->open[walk->open_count++] = (uint32_t)place;
}

static bool can_share(const struct token *a, const struct token *b)
{
	if (a->kind == LETTER && b->kind == LETTER)
		return a->letter == b->letter;
	if (a->kind == LETTER)
		return b->kind == ANYTHING || a->letter != '/';
	if (b->kind == LETTER)
		return a->kind == ANYTHING || b->letter != '/';
	return true;
}

static bool is_loop(const struct token *token)
{
	return token->kind == STAR || token->kind == ANYTHING;
}

static void step(struct walk *walk, size_t i, size_t k)
{
	const struct token *a = i < walk->a->count ? &walk->a->tokens[i] : NULL;
	const struct token *b = k < walk->b->count ? &walk->b->tokens[k] : NULL;

	if (a != NULL && (is_loop(a) || a->kind == SKIP))
		visit(walk, i + 1, k);
	if (a != NULL && a->kind == SKIP)
		visit(walk, i + a->skip, k);
	if (b != NULL && (is_loop(b) || b->kind == SKIP))
		visit(walk, i, k + 1);
	if (b != NULL && b->kind == SKIP)
		visit(walk, i, k + b->skip);
	if (a != NULL && b != NULL && a->kind != SKIP && b->kind != SKIP && can_share(a, b))
		visit(walk, is_loop(a) ? i : i + 1, is_loop(b) ? k : k + 1);
}

bool overlap_of(const char *a, const char *b, long *steps)
{
	struct pattern first, second;
	struct walk walk = { &first, &second, NULL, NULL, 0 };
	_cleanup_free_ unsigned char *seen = NULL;
	_cleanup_free_ uint32_t *open = NULL;
	size_t places;

	if (!read_pattern(&first, a) || !read_pattern(&second, b))
		return true;
	places = (first.count + 1) * (second.count + 1);
	if (*steps < (long)places)
		return true;
	seen = walk.seen = mem_alloc(places / 8 + 1);
	open = walk.open = mem_alloc(places * sizeof(*open));
	visit(&walk, 0, 0);
	while (walk.open_count > 0) {
		size_t place = walk.open[--walk.open_count];
		size_t i = place / (second.count + 1), k = place % (second.count + 1);

		--*steps;
		if (i == first.count && k == second.count)
			return true;
		step(&walk, i, k);
	}
	return false;
}
