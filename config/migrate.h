/* How somebody ran Atlantis -> server.yaml, and what became of each flag. Owns: the table of flags.
 * Must not: open a file, print, or let a secret through.
 *
 * Order of use: flags, environment, then the two files that those name, then migrate_finish(). What
 * was said first wins: flag, environment, file. */
#pragma once
#include "config/errors.h"
#include "orchestrator/lib/err.h"

enum migrate_verdict { MIGRATE_KEPT = 1, MIGRATE_CHANGED, MIGRATE_IGNORED };
enum migrate_source { FROM_NOWHERE = 0, FROM_FLAG, FROM_ENVIRONMENT, FROM_CONFIG, FROM_REPOS };
enum migrate_kind { FLAG_TEXT, FLAG_BOOL, FLAG_NOT, FLAG_INT, FLAG_LIST, FLAG_SECRET };

struct migration;

struct migrate_flag {
	const char *name;
	enum migrate_kind kind;
	enum migrate_verdict verdict;
	const char *key; /* of server.yaml; "": none */
	const char *why; /* changed, ignored: always */
	bool is_guard;	 /* ignoring it takes a protection away */
	/* other than "the value goes to the key"; may be NULL */
	void (*take)(
		struct migration *migration, const struct migrate_flag *flag, const char *value);
};

extern const struct migrate_flag migrate_flags[];
extern const size_t migrate_flag_count;

struct migrate_line { /* of the report */
	const char *name;
	enum migrate_source source;
	enum migrate_verdict verdict;
	const char *key, *why;
	bool is_guard, acts; /* acts: the key is acted on by this version */
};

struct migration { /* zeroed is empty; freed by migrate_release() */
	struct arena arena;
	struct yaml_node *root;
	struct migrate_line *lines;
	size_t line_count;
	struct {
		const char *value;
		enum migrate_source source;
	} given[200]; /* by the table of flags */
	const struct yaml_node *webhooks, *repos;
	struct yaml_node *first_rule; /* of `repos`, made of flags; or NULL */
};

/* The command line, with or without "atlantis server" in front. ERR_USAGE: a flag that Atlantis
 * does not have. */
_must_check_ int migrate_take_flags(
	struct migration *migration, int argc, char *const *argv, struct err *err);
void migrate_take_environment(struct migration *migration, const char *name, const char *value);
/* The file of --config, of --repo-config. */
_must_check_ int migrate_take_config(struct migration *migration, const char *bytes, size_t length,
	struct config_errors *errors, struct err *err);
_must_check_ int migrate_take_repos(struct migration *migration, const char *bytes, size_t length,
	struct config_errors *errors, struct err *err);
const char *migrate_value(const struct migration *migration, const char *flag); /* or NULL */
/* server.yaml and the report. ERR_CONFIG: `errors` says what the result lacks, with the places of
 * the result. */
_must_check_ int migrate_finish(struct migration *migration, struct strbuf *out,
	struct config_errors *errors, struct err *err);
void migrate_release(struct migration *migration);
/* Every flag as a page. */
void migrate_reference(struct strbuf *out);
const char *migrate_verdict_name(enum migrate_verdict verdict);
const char *migrate_source_name(enum migrate_source source);

/* migrate_hosts.c, called by the table and by migrate_finish() */
void migrate_hosts(struct migration *migration);
void migrate_notifications(struct migration *migration);
void migrate_say(struct migration *migration, const char *name, enum migrate_source source,
	enum migrate_verdict verdict, const char *key, const char *why);
struct yaml_node *migrate_list(struct migration *migration, const char *commas);
bool migrate_is_true(const char *value);
