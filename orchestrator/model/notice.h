/* What people are told who look at no pull request: one message, the same for every channel. Texts
 * are as they came, foreign ones too: who renders a notice makes them harmless for its place. No
 * value of an attribute ever stands in one. */
#pragma once
#include "orchestrator/lib/base.h"

struct notice_line {	  /* one resource */
	const char *sign; /* ours: "~", "-" */
	const char *code; /* foreign: its address */
	const char *text; /* foreign: what is with it, or "" */
};

struct notice_entry {		  /* one project */
	const char *name, *where; /* where: its folder and environment, or "" */
	const char *text;	  /* what is with it as a whole, or "" */
	struct notice_line *lines;
	size_t line_count;
	int left_out; /* lines that whoever made the notice did not know */
};

struct notice_group {
	const char *title; /* ours: "Failed" */
	struct notice_entry *entries;
	size_t entry_count;
};

struct notice {
	const char *title;    /* the answer in one line */
	const char *subtitle; /* of what, and when; or "" */
	struct notice_group *groups;
	size_t group_count;
	const char **notes; /* each a line at the end */
	size_t note_count;
	const char *more; /* ours: the command that shows all of it */
};
