/* Foreign text, one character at a time. Pure. Says of each whether a person can see what it is. */
#pragma once
#include "orchestrator/lib/base.h"

enum character_kind {
	CHARACTER_PLAIN,   /* can be shown as it is; line feed and tab are plain too */
	CHARACTER_SPACE,   /* looks like a space and is none */
	CHARACTER_CONTROL, /* does something to a terminal or a parser */
	CHARACTER_HIDDEN,  /* shows nothing, or turns the reading direction */
	CHARACTER_BROKEN,  /* not UTF-8 */
};

/* The kind of the character at *at, which must be below length, and its number of bytes; of broken
 * text one byte at a time. */
enum character_kind character_at(const char *text, size_t length, size_t at, size_t *ret_bytes);
/* Is every character of the text plain? */
bool characters_are_plain(const char *text, size_t length);
