/* Secrets that stand in a text for everybody to read: found by what they are, not by the name of
 * the file. Pure. A finding says where and by which rule; the value itself never leaves this
 * module. */
#pragma once
#include "orchestrator/lib/base.h"

enum { PLAINTEXT_MAX = 50, PLAINTEXT_BYTES_MAX = 4 << 20 };

struct plaintext_finding {
	const char *rule; /* "github-token", "kubernetes-secret", ...: constant */
	int line;
	uint64_t mark; /* the same for the same value: what was there before is not new */
};

struct plaintext {
	struct plaintext_finding list[PLAINTEXT_MAX]; /* in the order of their lines */
	size_t count;
};

/* Binary files hold nothing. The name says only how values are written there. */
void plaintext_scan(const char *path, const char *bytes, size_t length, struct plaintext *ret);

/* ---- what the parts share ---- */

struct text_line {
	const char *bytes;
	size_t length;
	int number;
};

void plaintext_add(
	struct plaintext *found, const char *rule, int line, const char *value, size_t length);
/* Tokens that are known by their shape, keys, passwords of URLs. */
void plaintext_tokens(const char *bytes, size_t length, struct plaintext *ret);
/* NAME = VALUE where the name says that it is secret and the value looks like it. */
void plaintext_assigned(const char *bytes, size_t length, bool may_be_bare, struct plaintext *ret);
bool plaintext_is_secret_name(const char *name, size_t length);
bool plaintext_looks_secret(const char *value, size_t length);
/* Secrets of Kubernetes that are neither sealed nor encrypted, and what generates them. */
void plaintext_manifests(const char *bytes, size_t length, struct plaintext *ret);
/* "changeme", "<password>", "${PASSWORD}", "{{ .Values.password }}", "", ... */
bool plaintext_is_placeholder(const char *value, size_t length);
/* Bits for each character, of how often which stands there. */
double plaintext_entropy(const char *value, size_t length);
