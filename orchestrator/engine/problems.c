/* What is wrong with a configuration. */
#include "orchestrator/engine/problems.h"

#include "orchestrator/lib/strbuf.h"

enum { PROBLEMS_MAX = 100, TEXT_BYTES_MAX = 16 << 10 };

void problem_add(struct config_problems *problems, struct arena *arena, struct config_place at,
	const char *path, const char *message, const char *hint)
{
	problems->found++;
	if (problems->count == PROBLEMS_MAX)
		return;
	problems->list = arena_push(
		arena, problems->list, problems->count, sizeof(problems->list[0]));
	problems->list[problems->count++] =
		(struct config_problem){ .at = at, .path = path, .message = message, .hint = hint };
}

static void put_problem(struct strbuf *out, const struct config_problem *problem)
{
	const struct config_place *at = &problem->at;

	if (!str_empty(at->file))
		strbuf_printf(out, "%s:%d:%d: ", at->file, at->line, at->column);
	if (!str_empty(problem->path))
		strbuf_printf(out, "%s: ", problem->path);
	strbuf_puts(out, problem->message);
	if (!str_empty(problem->hint))
		strbuf_printf(out, "; %s", problem->hint);
	strbuf_putc(out, '\n');
}

const char *problems_text(
	const struct config_problems *problems, const struct err *err, struct arena *arena)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF(TEXT_BYTES_MAX);

	if (problems->count == 0)
		return arena_strdup(arena, err->text);
	for (size_t i = 0; i < problems->count; i++)
		put_problem(&out, &problems->list[i]);
	if (problems->found > problems->count)
		strbuf_printf(&out, "and %zu more\n", problems->found - problems->count);
	return arena_strdup(arena, strbuf_text(&out));
}
