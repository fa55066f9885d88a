/* Where providers and modules come from: addresses in one form, and the operator's patterns over
 * them. Pure. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

enum { SOURCE_BYTES_MAX = 1024 };

/* "aws" and "hashicorp/aws" as "registry.terraform.io/hashicorp/aws", or with the registry of
 * OpenTofu. False: it is no address of a provider. */
bool source_of_provider(const char *text, size_t length, bool is_tofu, char ret[SOURCE_BYTES_MAX]);

enum module_source {
	MODULE_LOCAL = 1, /* "./x": a folder of the tree */
	MODULE_REMOTE,
	MODULE_REFUSED, /* a way that leads to this machine, or an option in the dress of a name */
};

/* *ret as patterns see it: SCHEME://HOST/PATH without user, query and folder in it
 * ("git::https://github.com/acme/x"), or HOST/NAMESPACE/NAME/SYSTEM for a registry. With
 * MODULE_REFUSED *ret says why. */
enum module_source source_of_module(
	const char *text, size_t length, bool is_tofu, char ret[SOURCE_BYTES_MAX]);

/* HOST/REST or SCHEME://HOST/REST with `*` for anything: in the host it stays there. */
bool source_is_pattern(const char *text);
/* Does one of the patterns mean it? An empty list means all. */
bool source_is_allowed(char *const *patterns, size_t count, const char *source);
