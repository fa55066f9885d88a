/* Folders by descriptor: made, written, replaced, removed without ever following a link. */
#pragma once
#include "orchestrator/lib/err.h"

_must_check_ int folder_open(
	int parent, const char *name, int *ret_fd, struct err *err); /* ERR_MISSING */
_must_check_ int folder_make(int parent, const char *name, int *ret_fd, struct err *err);
_must_check_ int folder_open_or_make(int parent, const char *name, int *ret_fd, struct err *err);
/* A new file. */
_must_check_ int folder_write(
	int dir, const char *name, const void *bytes, size_t length, struct err *err);
/* Written under a name of its own, then renamed. */
_must_check_ int folder_replace(
	int dir, const char *name, const void *bytes, size_t length, struct err *err);
/* With everything in it; missing is success. */
_must_check_ int folder_remove(int parent, const char *name, struct err *err);
/* PREFIX and 16 random hex digits. */
void folder_unique_name(const char *prefix, char *buf, size_t size);
_must_check_ int folder_write_all(int fd, const void *bytes, size_t length);
