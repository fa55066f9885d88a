/* The embedded host over a shelf in memory, as its tests use it. The fake owns the host, the
 * documents and the last answer. */
#pragma once
#include "tests/lib/cases.h"

#include "vcs/local/local_host.h"
#include <jansson.h>

struct fake {
	struct shelf shelf;
	struct clock clock;
	struct local_host *host;
	json_t *documents, *counters, *inbox;
	json_t *before; /* of the action that is open, or NULL */
	char data[100];
	int fail_after; /* writes until the shelf fails; -1: never */
	int status;
	json_t *answer;
};

struct fake *fake_new(void);
void fake_free(struct fake *fake);

/* Asks the host; the answer is borrowed until the next call, its status is in the fake. */
json_t *call(struct fake *fake, const char *method, const char *path, const char *body);
/* The same with a body in which ' stands for ". */
_printf_(3, 4) json_t *post(struct fake *fake, const char *path, const char *format, ...);
const char *text_of(const json_t *json, const char *key); /* "" when there is none */
/* The newest event of the inbox, as the engine reads it. */
struct vcs_event newest(struct fake *fake, struct arena *arena);

const char *oid(char digit); /* 40 of it; a few live at a time */
void put_file(const char *path, const char *text);
void set_branch(struct fake *fake, const char *repo, const char *branch, char digit);
/* A repository with main and feature, and pull 1 by alice. */
void open_one(struct fake *fake);
