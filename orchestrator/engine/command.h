/* A comment -> a command. Pure. The grammar is anchored: the first non-blank line must be the whole
 * command, everything else in the comment may only be blank. Quotes, code blocks, long texts and
 * other words are never a command.
 *
 *   [sluice | atlantis | @bot] VERB [-d DIR] [-w WORKSPACE] [-p PROJECT] [--verbose] [-- ARGS...]
 *   (sluice | atlantis | @bot) approve_policies [-d] [-w] [-p] [--policy-set NAME]
 *   (sluice | atlantis | @bot) reviewed WHAT-WAS-FOUND
 *   (sluice | atlantis | @bot) import ADDRESS ID [-d] [-w] [-p]
 *   (sluice | atlantis | @bot) state rm ADDRESS... [-d] [-w] [-p]
 *
 * As Atlantis' users type them: `-d DIR`, `-d=DIR`, `--dir DIR`, `--dir=DIR`, likewise -w and -p;
 * -p goes alone. "a b", 'a b' and a\ b are one word; nothing else has a meaning, no $, no `, no ;.
 * -d may be a pattern of folders, -p one of names (chosen.h). What is meant for us and is not
 * understood is COMMAND_INVALID; a comment that merely begins with a verb is nobody's. */
#pragma once
#include "orchestrator/lib/arena.h"

enum command_kind {
	COMMAND_NONE = 0, /* an ordinary comment */
	COMMAND_PLAN,
	COMMAND_APPLY,
	COMMAND_UNLOCK,
	COMMAND_CANCEL,
	COMMAND_HELP,
	COMMAND_IMPORT,
	COMMAND_STATE_RM,
	COMMAND_VERSION,
	COMMAND_APPROVE_POLICIES,
	COMMAND_REVIEWED,
	COMMAND_INVALID, /* meant for us, but wrong: `problem` and `hint` say how */
};

enum { COMMAND_TEXT_MAX = 4096, COMMAND_ARGS_MAX = 32, COMMAND_TARGETS_MAX = 20 };

struct command {
	enum command_kind kind;
	const char *dir, *workspace, *project; /* "" when not given */
	bool is_verbose;
	bool releases_commands;	 /* plan --new-commands */
	const char *break_glass; /* apply --break-glass REASON; "" when not given */
	const char *policy_set;	 /* approve_policies --policy-set; "" when not given */
	bool clears_policies;	 /* approve_policies --clear-policy-approval */
	const char **extra_args; /* after -- */
	size_t extra_arg_count;
	const char **targets; /* import: address and id; state rm: addresses; none begins with a
				 dash */
	size_t target_count;
	const char *problem; /* COMMAND_INVALID: one sentence, with words of the comment in it: to
				be escaped */
	const char *hint;    /* nearest word that we know, never theirs; or "" */
};

struct command_words {
	const char **names; /* "sluice", "atlantis", NULL-ended */
	const char *bot;    /* our login, for "@login plan", or "" */
	bool bare;	    /* "apply" alone is a command */
};

void command_parse(const struct command_words *words, const char *comment, size_t length,
	struct arena *arena, struct command *ret);
const char *command_kind_name(enum command_kind kind); /* "state rm" */
/* The first word of it, as the configuration names it: "state". */
const char *command_verb(enum command_kind kind);
/* Text of `help`, made from the same table as the parser. */
struct strbuf;
void command_help(struct strbuf *out);
