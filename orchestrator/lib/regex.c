/* PCRE2 with limits. No JIT: it would want memory that is written and run, and gains nothing here.
 */
#include "orchestrator/lib/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

enum { STEPS_MAX = 200000, DEPTH_MAX = 2000, HEAP_KIB_MAX = 4096, NESTING_MAX = 50 };

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
};

int regex_compile(const char *pattern, size_t length, struct regex **ret, struct err *err)
{
	pcre2_compile_context *context;
	pcre2_code *code;
	PCRE2_SIZE offset = 0;
	int problem = 0;

	if (length > REGEX_PATTERN_MAX)
		return err_user(
			err, ERR_SYNTAX, "the pattern is longer than %d bytes", REGEX_PATTERN_MAX);
	context = pcre2_compile_context_create(NULL);
	if (context == NULL)
		abort();
	(void)pcre2_set_parens_nest_limit(context, NESTING_MAX);
	code = pcre2_compile((PCRE2_SPTR)pattern, length, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C,
		&problem, &offset, context);
	pcre2_compile_context_free(context);
	if (code == NULL) {
		char text[160] = "";

		(void)pcre2_get_error_message(problem, (PCRE2_UCHAR *)text, sizeof(text));
		return err_user(
			err, ERR_SYNTAX, "%s, at character %zu of the pattern", text, offset + 1);
	}
	*ret = mem_alloc(sizeof(**ret));
	(*ret)->code = code;
	(*ret)->limits = pcre2_match_context_create(NULL);
	if ((*ret)->limits == NULL)
		abort();
	(void)pcre2_set_match_limit((*ret)->limits, STEPS_MAX);
	(void)pcre2_set_depth_limit((*ret)->limits, DEPTH_MAX);
	(void)pcre2_set_heap_limit((*ret)->limits, HEAP_KIB_MAX);
	return 0;
}

void regex_free(struct regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_match_context_free(regex->limits);
	pcre2_code_free(regex->code);
	free(regex);
}

int regex_find(const struct regex *regex, const char *text, size_t length, size_t start,
	bool *ret_found, size_t *ret_from, size_t *ret_to, struct err *err)
{
	pcre2_match_data *match = pcre2_match_data_create_from_pattern(regex->code, NULL);
	int r;

	if (match == NULL)
		abort();
	*ret_found = false;
	*ret_from = *ret_to = 0;
	r = pcre2_match(regex->code, (PCRE2_SPTR)text, length, start, 0, match, regex->limits);
	if (r > 0) {
		const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(match);

		*ret_found = true; /* \K can put the begin behind the end */
		*ret_from = ends[0] <= ends[1] ? ends[0] : ends[1];
		*ret_to = ends[1];
	}
	pcre2_match_data_free(match);
	if (r > 0 || r == PCRE2_ERROR_NOMATCH)
		return 0;
	if (r >= PCRE2_ERROR_UTF8_ERR21 && r <= PCRE2_ERROR_UTF8_ERR1)
		return err_user(err, ERR_SYNTAX, "the text is not UTF-8");
	return err_user(err, ERR_LIMIT, "the pattern needs too many steps for this text");
}

int regex_matches(const struct regex *regex, const char *text, bool *ret_found, struct err *err)
{
	size_t from, to;

	return regex_find(regex, text, strlen(text), 0, ret_found, &from, &to, err);
}
